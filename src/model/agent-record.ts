import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { Secret } from './secret.js';

/**
 * One agent as client.keys and every manager write it: `id name ip key`, single spaces
 * (OSSEC and Wazuh, shared read_keys: the agent uses the first entry only).
 */
export interface AgentRecord {
  /** Digits, exactly as the manager wrote them (`001`, `1024`): the message protocol repeats them to the letter. */
  readonly id: string;
  readonly name: string;
  /** `any`, an address, `address/bits` or `address/netmask`, as the manager wrote it. */
  readonly ip: string;
  readonly key: Secret;
}

/** Why a line is not a record. */
export type RecordFault = 'fields' | 'id' | 'name' | 'ip' | 'key' | 'removed' | 'characters';

/** The outcome of {@link parseRecord}. */
export type ParsedRecord =
  | { readonly ok: true; readonly record: AgentRecord }
  | { readonly ok: false; readonly fault: RecordFault };

/** The longest name that a manager takes, in characters (authd and API, Wazuh 4.14; authd, OSSEC 4.3). */
export const LONGEST_NAME = 128;

const FAULTS: Readonly<Record<RecordFault, string>> = {
  characters: 'it has characters other than printable ASCII',
  fields: 'it does not have the four fields "id name ip key", with single spaces between them',
  id: 'its id is not a number of one to ten digits, or is that of the manager itself',
  name: `its name is not 2 to ${LONGEST_NAME} of letters, digits, ".", "_" and "-"`,
  removed: 'it is that of a removed agent',
  ip: 'its address is neither "any" nor an address or range, and the agent would not start with it',
  key: 'its key is not 64 or more letters and digits',
};

/** The user's words for what is wrong with an entry, without any of its text: "its id is …". */
export function faultInWords(fault: RecordFault): string {
  return FAULTS[fault];
}

// 000 is the manager itself.
const ID = /^(?!0+$)[0-9]{1,10}$/;
const NAME = new RegExp(`^[A-Za-z0-9._-]{2,${LONGEST_NAME}}$`);
// authd issues 64 hex digits; the API's insert takes any 64 or more letters and digits.
const KEY = /^[A-Za-z0-9]{64,127}$/;

/** Whether a manager takes this as the name of an agent: 2 to 128 of `[A-Za-z0-9._-]`, no leading dot (Wazuh 4.14.6). */
export function isAgentName(name: string): boolean {
  return NAME.test(name) && !name.startsWith('.');
}

/**
 * Whether the address field of a record is one that the agent daemon accepts. An invalid one is fatal to the daemon
 * that reads it, so nothing else may reach the file.
 */
export function isRecordAddress(ip: string): boolean {
  if (ip === 'any') return true;
  const [address = '', mask, ...rest] = ip.split('/');
  if (rest.length > 0) return false;
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return mask === undefined || isMask(mask);
  if (!address.includes(':') || address.includes('%') || !ipaddr.IPv6.isValid(address)) return false;
  return mask === undefined || (/^\d{1,3}$/.test(mask) && Number(mask) <= 128);
}

function isMask(mask: string): boolean {
  if (/^\d{1,2}$/.test(mask)) return Number(mask) <= 32;
  return ipaddr.IPv4.isValidFourPartDecimal(mask) && ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() !== null;
}

/** Reads one line, without its line end, as a record. */
export function parseRecord(line: string): ParsedRecord {
  if (!/^[\x20-\x7e]*$/.test(line)) return { ok: false, fault: 'characters' };
  const [id, name, ip, key, ...rest] = line.split(' ');
  if (id === undefined || name === undefined || ip === undefined || key === undefined || rest.length > 0) {
    return { ok: false, fault: 'fields' };
  }
  if (!ID.test(id)) return { ok: false, fault: 'id' };
  if (name.startsWith('#') || name.startsWith('!')) return { ok: false, fault: 'removed' };
  if (!NAME.test(name)) return { ok: false, fault: 'name' };
  if (!isRecordAddress(ip)) return { ok: false, fault: 'ip' };
  if (!KEY.test(key)) return { ok: false, fault: 'key' };
  return { ok: true, record: { id, name, ip, key: new Secret(key) } };
}

/** The record as one line of client.keys, without a line end. */
export function formatRecord({ id, name, ip, key }: AgentRecord): string {
  return `${id} ${name} ${ip} ${key.reveal()}`;
}

/**
 * The first entry of a client.keys file, which is the only one that an agent uses. What an agent passes over is passed
 * over: lines that start with `#` or a space, removed agents, and lines of fewer than four fields (OSSEC and Wazuh,
 * shared read_keys). `undefined`: the file has no entry, nor what may have been one.
 */
export function firstRecord(text: string): ParsedRecord | undefined {
  let broken: ParsedRecord | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#') || line.startsWith(' ')) continue;
    if (isRemoved(line)) continue;
    const parsed = parseRecord(line);
    if (line.split(' ', 4).length === 4) return parsed;
    broken ??= parsed;
  }
  return broken;
}

function isRemoved(line: string): boolean {
  return /^[^ ]+ [#!]/.test(line);
}

/**
 * What an agent sends as `K:` to show which key it has: lower-case hex SHA-1 of id, name and key run together
 * (authd, Wazuh 4.2 and later).
 */
export function keyHash({ id, name, key }: AgentRecord): string {
  return createHash('sha1').update(`${id}${name}${key.reveal()}`).digest('hex');
}

/** Whether two records are the same agent with the same key. */
export function sameRecord(a: AgentRecord, b: AgentRecord): boolean {
  return formatRecord(a) === formatRecord(b);
}
