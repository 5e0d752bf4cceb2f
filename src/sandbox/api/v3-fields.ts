import { isObject } from '../../model/json.js';
import { registeredAddress } from '../addresses.js';
import type { ApiAnswer, ApiRequest } from './exchange.js';
import { fault } from './v3-answer.js';

/** What a field may hold, and what is said where it does not. */
export interface FieldRule {
  readonly pattern: RegExp;
  readonly code: number;
  readonly text: string;
}

/** The rule for names of agents and groups. */
export const NAME: FieldRule = {
  pattern: /^[a-zA-Z0-9_\-.%]+$/,
  code: 601,
  text: 'Param not valid. Valid characters: a-z, A-Z, 0-9, ., _, -, %.',
};
/** The rule for ids and spans of time. */
export const NUMBER: FieldRule = {
  pattern: /^\d{1,10}$/,
  code: 600,
  text: 'Param not valid. Valid characters: 0-9.',
};
const KEY: FieldRule = { ...NAME, pattern: /^[a-zA-Z0-9_\-.%]{64,127}$/ };
const RULES: Readonly<Record<string, FieldRule>> = { name: NAME, id: NUMBER, force: NUMBER, key: KEY };

// Exactly one of these, without a charset (3.13).
const CONTENT_TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
  'application/xml',
  'application/octet-stream',
];

/** The fields of a POST, as text. */
export type ReadFields =
  | { readonly ok: true; readonly fields: Readonly<Record<string, string | undefined>> }
  | { readonly ok: false; readonly answer: ApiAnswer };

/** Reads the body of a POST: its content type, then which fields it has, then what is in them. */
export function readFields(request: ApiRequest, allowed: readonly string[], required: readonly string[]): ReadFields {
  if (!CONTENT_TYPES.includes(request.contentType ?? '')) {
    const [last = '', ...others] = CONTENT_TYPES.map((type) => `'${type}'`).reverse();
    return refuse(607, `Invalid content-type. POST requests should be ${others.reverse().join(', ')} or ${last}`);
  }
  const fields = new Map(Object.entries(parse(request)));
  if ([...fields.keys()].some((name) => !allowed.includes(name))) return refuse(604, filterText(allowed));
  const missing = required.find((name) => !fields.has(name));
  if (missing !== undefined) return refuse(604, `Filter error. Missing field: '${missing}'`);
  for (const [name, value] of fields) {
    const rule = RULES[name];
    if (rule !== undefined && !rule.pattern.test(value)) return refuse(rule.code, `${rule.text}  Field: ${name}`);
    if (name === 'ip' && registeredAddress(value, 'wazuh-3') === undefined) {
      return refuse(606, 'Param not valid. IP invalid.  Field: ip');
    }
  }
  return { ok: true, fields: Object.fromEntries(fields) };
}

/** What is said against a field, or a parameter of the query, that is not among the allowed ones. */
export function filterText(allowed: readonly string[]): string {
  return `Filter error. Allowed filters: [ ${allowed.join('  ')} ]  `;
}

function parse({ contentType, body }: ApiRequest): Readonly<Record<string, string>> {
  if (contentType !== 'application/json') return Object.fromEntries(new URLSearchParams(body));
  try {
    const value: unknown = JSON.parse(body);
    if (!isObject(value)) return {};
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, String(field)]));
  } catch {
    return {};
  }
}

function refuse(code: number, message: string): ReadFields {
  return { ok: false, answer: fault(400, code, message) };
}
