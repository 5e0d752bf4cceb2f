import { isAgentName } from '../model/agent-record.js';
import type { ManagerFamily } from '../model/endpoint.js';
import { bytesOf, type Secret } from '../model/secret.js';
import { type RegisteredAddress, registeredAddress } from './addresses.js';
import type { Agent, AgentStore } from './agent-table.js';
import { groupListFault, missingGroupFault } from './group-names.js';
import type { SilentReason } from './sandbox-events.js';
import { isNewer } from './versions.js';

/** The families whose authd the sandbox plays. */
export type SandboxFamily = Exclude<ManagerFamily, 'wazuh-5'>;

/** What an authd was configured with. */
export interface AuthdRules {
  readonly family: SandboxFamily;
  readonly password?: Secret<string | Uint8Array>;
  /** Groups that exist. */
  readonly groups: ReadonlySet<string>;
  readonly useSourceIp: boolean;
  /** The manager's version, such as `v4.14.7`. */
  readonly version: string;
  readonly allowHigherVersions: boolean;
  /** The manager's own host name, which no agent may have (Wazuh). */
  readonly hostName: string;
  /** client.keys cannot be written. */
  readonly keysUnwritable: boolean;
}

/** What a request asked for, as far as it could be read. */
export interface AuthdRequest {
  readonly name: string;
  readonly groups: readonly string[];
  readonly ip?: string;
  readonly version?: string;
  readonly hadPassword: boolean;
  readonly hadKeyHash: boolean;
}

/** What authd does with a request. */
export type AuthdAnswer = {
  readonly request?: AuthdRequest;
} & (
  | { readonly kind: 'silent'; readonly why: SilentReason }
  | { readonly kind: 'error'; readonly text: string }
  | {
      readonly kind: 'key';
      readonly agent: Agent;
      readonly shownIp: string;
      readonly replaced: readonly Agent[];
      readonly renamedFrom?: string;
    }
);

type Field = 'V' | 'G' | 'IP' | 'K';

// What may follow the name, in this order; a field out of order ends the reading (authd, Wazuh 4.6 and later; 3.13; OSSEC 4.3).
const FIELDS: Readonly<Record<SandboxFamily, readonly Field[]>> = {
  'wazuh-4': ['V', 'G', 'IP', 'K'],
  'wazuh-3': ['G', 'IP'],
  ossec: [],
};
const FIELD_WORDS: Readonly<Record<Field, string>> = { V: 'version', G: 'group', IP: 'IP', K: 'key' };
// A field without its closing quote within so many characters is as good as one without any.
const FIELD_LIMITS: Readonly<Record<Field, number>> = { V: 2_048, G: 65_536, IP: Number.POSITIVE_INFINITY, K: 40 };
const PASS = 'OSSEC PASS: ';
const ACTION = "OSSEC A:'";

/**
 * Reads one request (the line without its newline on Wazuh 4, all of the first record elsewhere; one character a byte)
 * that came from `source`, registers the agent where it may be, and says what authd answers.
 */
export function answerRequest(text: string, source: string, rules: AuthdRules, store: AgentStore): AuthdAnswer {
  const opened = openWithPassword(text, rules);
  if (opened === undefined) return refuse(rules, 'Invalid password', 'password');
  const end = opened.startsWith(ACTION) ? opened.indexOf("'", ACTION.length) : -1;
  if (end === -1) {
    const why = rules.password === undefined && text.startsWith(PASS) ? 'password' : 'malformed';
    return refuse(rules, 'Invalid request for new agent', why);
  }
  const name = opened.slice(ACTION.length, end);
  const read = readFields(opened.slice(end + 1), rules.family);
  const request = describeRequest(name, read.values, text.startsWith(PASS));
  if (!isName(name, rules)) return { request, kind: 'error', text: `Invalid agent name: ${name}` };

  const fault = fieldFault(read, source, rules);
  if (fault !== undefined) return { request, kind: 'error', text: fault };
  const missing = missingGroup(read.values.get('G'), rules);
  if (missing !== undefined) return { request, kind: 'error', text: missing };
  const address = addressOf(read.values.get('IP'), source, rules);
  if (address === undefined) return { request, kind: 'error', text: `Invalid IP: ${read.values.get('IP') ?? source}` };
  if (rules.family !== 'ossec' && name === rules.hostName) {
    return { request, kind: 'error', text: `Invalid agent name: ${name}` };
  }
  if (rules.keysUnwritable) return { request, kind: 'error', text: `Internal manager error adding agent: ${name}` };
  return { request, ...register(name, address, request.groups, read.values.get('K'), rules, store) };
}

/** The text after `OSSEC PASS: <password> `; `undefined`: the password that the manager wants is not there. */
function openWithPassword(text: string, { password }: AuthdRules): string | undefined {
  if (password === undefined) return text;
  const wanted = `${PASS}${Buffer.from(bytesOf(password)).toString('latin1')} `;
  return text.startsWith(wanted) ? text.slice(wanted.length) : undefined;
}

function refuse({ family }: AuthdRules, text: string, why: SilentReason): AuthdAnswer {
  return family === 'ossec' ? { kind: 'silent', why } : { kind: 'error', text };
}

interface ReadFields {
  readonly values: ReadonlyMap<Field, string>;
  /** The field that has no closing quote, or too late. */
  readonly unterminated?: Field;
}

function readFields(text: string, family: SandboxFamily): ReadFields {
  const values = new Map<Field, string>();
  let rest = text;
  for (const field of FIELDS[family]) {
    const start = ` ${field}:'`;
    if (!rest.startsWith(start)) continue;
    const end = rest.indexOf("'", start.length);
    if (end === -1 || end - start.length > FIELD_LIMITS[field]) return { values, unterminated: field };
    values.set(field, rest.slice(start.length, end));
    rest = rest.slice(end + 1);
  }
  return { values };
}

function describeRequest(name: string, values: ReadonlyMap<Field, string>, hadPassword: boolean): AuthdRequest {
  const [version, groups, ip] = [values.get('V'), values.get('G'), values.get('IP')];
  return {
    name,
    groups: groups === undefined ? [] : [...new Set(groups.split(','))],
    ...(ip === undefined ? {} : { ip }),
    ...(version === undefined ? {} : { version }),
    hadPassword,
    hadKeyHash: values.get('K') !== undefined,
  };
}

// OSSEC takes a leading dot; so did Wazuh before 4.14.6.
function isName(name: string, { family }: AuthdRules): boolean {
  if (family === 'wazuh-4') return isAgentName(name);
  return isAgentName(name.replace(/^\./, '_'));
}

/** What is wrong with the fields, in the order in which authd looks at them. */
function fieldFault({ values, unterminated }: ReadFields, source: string, rules: AuthdRules): string | undefined {
  for (const field of FIELDS[rules.family]) {
    if (field === unterminated) return `Unterminated ${FIELD_WORDS[field]} field`;
    const value = values.get(field);
    if (value === undefined) continue;
    if (field === 'V' && !rules.allowHigherVersions && isNewer(value, rules.version)) {
      return 'Agent version must be lower or equal to manager version';
    }
    if (field === 'G') {
      const fault = groupListFault(value);
      if (fault !== undefined) return fault;
    }
    if (field === 'IP' && addressOf(value, source, rules) === undefined) return `Invalid IP: ${value}`;
  }
  return undefined;
}

function missingGroup(list: string | undefined, { groups }: AuthdRules): string | undefined {
  return list === undefined ? undefined : missingGroupFault(list, groups);
}

// Anything that begins with "src" is the source address (authd, Wazuh 4.14).
function addressOf(asked: string | undefined, source: string, rules: AuthdRules): RegisteredAddress | undefined {
  if (asked === undefined) return registeredAddress(rules.useSourceIp ? source : 'any', 'wazuh-4');
  return asked.startsWith('src') ? registeredAddress(source, 'wazuh-4') : registeredAddress(asked, rules.family);
}

function register(
  name: string,
  address: RegisteredAddress,
  groups: readonly string[],
  hash: string | undefined,
  { family }: AuthdRules,
  store: AgentStore,
): AuthdAnswer {
  const outcome = store.register({
    name,
    ip: address.stored,
    groups,
    ...(hash === undefined ? {} : { keyHash: hash }),
  });
  if (outcome.ok) {
    const { agent, replaced, renamedFrom } = outcome;
    return {
      kind: 'key',
      agent,
      shownIp: address.shown,
      replaced,
      ...(renamedFrom === undefined ? {} : { renamedFrom }),
    };
  }
  switch (outcome.why) {
    case 'no free name':
      return { kind: 'error', text: `Invalid agent name: ${name}` };
    case 'duplicate IP':
      // OSSEC names the agent that has the address, by its id.
      if (family === 'ossec') return { kind: 'error', text: `Invalid IP address: ${outcome.existing.id}` };
      return { kind: 'error', text: `Duplicate IP: ${address.shown}` };
    case 'duplicate name':
      return { kind: 'error', text: `${family === 'wazuh-3' ? 'Duplicated' : 'Duplicate'} agent name: ${name}` };
  }
}

/** The answer as the TLS records that a manager of this family writes, one character a byte. */
export function replyRecords(answer: AuthdAnswer, family: SandboxFamily): readonly string[] {
  switch (answer.kind) {
    case 'silent':
      return [];
    case 'error':
      if (family === 'wazuh-4') return [`ERROR: ${answer.text}. Unable to add agent`];
      return [`ERROR: ${answer.text}\n\n`, 'ERROR: Unable to add agent.\n\n'];
    case 'key':
      return [keyLine(answer.agent, answer.shownIp, answer.agent.record.key.reveal(), family)];
  }
}

/** The answer as one line without the key, for the log. */
export function replySummary(answer: AuthdAnswer): string {
  switch (answer.kind) {
    case 'silent':
      return '';
    case 'error':
      return `ERROR: ${answer.text}`;
    case 'key':
      return keyLine(answer.agent, answer.shownIp, '<key>', 'wazuh-4');
  }
}

function keyLine({ id, name }: Agent, ip: string, key: string, family: SandboxFamily): string {
  return `OSSEC K:'${id} ${name} ${ip} ${key}'${family === 'wazuh-4' ? '' : '\n\n'}`;
}
