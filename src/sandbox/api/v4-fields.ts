import { isObject, parseJson } from '../../model/json.js';
import type { ApiAnswer, ApiRequest } from './exchange.js';
import { badRequest, problem } from './v4-answer.js';

/** What is wrong with a value, in the words of the schema; `undefined`: nothing. */
export type FieldCheck = (value: unknown) => string | undefined;

/** The fields that a body may have. */
export type BodySchema = Readonly<Record<string, { readonly required?: true; readonly check: FieldCheck }>>;

/** A body that the schema takes. */
export type ReadBody =
  | { readonly ok: true; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly answer: ApiAnswer };

function format(name: string, pattern: RegExp): FieldCheck {
  return (value) => {
    if (typeof value !== 'string') return wrongType(value, 'string');
    return pattern.test(value) ? undefined : `'${value}' is not a '${name}'`;
  };
}

/** Names of agents. */
export const isName = format('names', /^[\w\-.%]+$/);
/** Addresses, as far as the schema looks: authd judges the rest. */
export const isSymbols = format('alphanumeric_symbols', /^[\w,<>!\-.+\s/:()[\]'"|=~#]+$/);
/** Names of groups. */
export const isGroupName = format('group_names', /^(?!\.{1,2}$)[\w.-]{1,255}$/);
/** Ids in a path. */
export const isAgentId = format('agent_id', /^\d{3,10}$/);
/** Ids in a body. */
export const isNumber = format('numbers', /^\d{1,10}$/);
/** Keys. */
export const isKey = format('wazuh_key', /^[a-zA-Z0-9]{64,127}$/);
/** A span of time such as `1h`. */
export const isSpan = format('timeframe', /^\d{1,9}[dhms]?$/);

const UNIT_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };

/** A span of time that passes {@link isSpan}, in milliseconds. */
export function spanMs(span: string): number {
  return Number.parseInt(span, 10) * (UNIT_MS[span.at(-1) ?? ''] ?? 1_000);
}

/** Passes `true` and `false`. */
export const isBoolean: FieldCheck = (value) => (typeof value === 'boolean' ? undefined : wrongType(value, 'boolean'));

/** An object with these fields and no others, each optional. */
export function isObjectOf(checks: Readonly<Record<string, FieldCheck>>): FieldCheck {
  return (value) => {
    if (!isObject(value)) return wrongType(value, 'object');
    for (const [name, field] of Object.entries(value)) {
      const check = checks[name];
      if (check === undefined) {
        return `Additional properties are not allowed ('${name}' was unexpected)`;
      }
      const fault = check(field);
      if (fault !== undefined) return `${fault} - '${name}'`;
    }
    return undefined;
  };
}

/** Reads a JSON body: its content type (406 without), then required fields and values, then fields that are unknown. */
export function readBody({ contentType, body }: ApiRequest, schema: BodySchema): ReadBody {
  if (contentType?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
    const detail = 'The body type is not the one specified in the content-type';
    return { ok: false, answer: problem(406, 'Not Acceptable', detail, { code: 6002 }) };
  }
  const fields = parseJson(body);
  if (!isObject(fields)) return refuse('Request body is not an object in JSON');
  for (const [name, { required, check }] of Object.entries(schema)) {
    if (!(name in fields)) {
      if (required) return refuse(`'${name}' is a required property`);
      continue;
    }
    const fault = check(fields[name]);
    if (fault !== undefined) return refuse(`${fault} - '${name}'`);
  }
  const unknown = Object.keys(fields).filter((name) => !(name in schema));
  if (unknown.length > 0) return refuse(`Invalid field found {${unknown.map((name) => `'${name}'`).join(', ')}}`);
  return { ok: true, fields };
}

function refuse(detail: string): ReadBody {
  return { ok: false, answer: badRequest(detail) };
}

function wrongType(value: unknown, type: string): string {
  return `${JSON.stringify(value)} is not of type '${type}'`;
}
