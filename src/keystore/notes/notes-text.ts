import { endpointKeyOf, type ManagerFamily } from '../../model/endpoint.js';
import { isObject, type JsonObject, parseJson } from '../../model/json.js';
import { printable } from '../../model/printable.js';
import type { BegunRequest, KeyBinding, KnownManager, Notes, WorkingLink } from './notes.js';

const VERSION = 2;
const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;
const HASH = /^[0-9a-f]{64}$/;
const FAMILIES: readonly unknown[] = ['ossec', 'wazuh-3', 'wazuh-4', 'wazuh-5'] satisfies ManagerFamily[];

/** The outcome of {@link parseNotes}: `newer` was written by a later version of this program. */
export type ParsedNotes =
  | { readonly ok: true; readonly notes: Notes }
  | { readonly ok: false; readonly fault: 'newer' }
  | { readonly ok: false; readonly fault: 'broken'; readonly what: string };

/** Why notes cannot be understood, from within their parts. */
class Broken extends Error {}

/**
 * The notes out of their JSON text; version 1 is that of the file which lay beside the key until 0.1.
 * What cannot be understood is not passed over: notes say which managers are trusted.
 */
export function parseNotes(text: string): ParsedNotes {
  const json = parseJson(text);
  if (json === undefined) return { ok: false, fault: 'broken', what: 'it is not JSON' };
  if (!isObject(json)) return { ok: false, fault: 'broken', what: 'it is not a JSON object' };
  const { version } = json;
  if (typeof version === 'number' && version > VERSION) return { ok: false, fault: 'newer' };
  if (version !== VERSION && version !== 1) return { ok: false, fault: 'broken', what: 'it has no valid version' };
  try {
    return { ok: true, notes: readNotes(json) };
  } catch (thrown) {
    if (thrown instanceof Broken) return { ok: false, fault: 'broken', what: thrown.message };
    throw thrown;
  }
}

function readNotes(json: JsonObject): Notes {
  const { version: _, managers = {}, links = {}, binding, acknowledged, asked, daemon, request, ...other } = json;
  return {
    managers: entriesOf(managers, 'managers', knownManager),
    links: entriesOf(links, 'links', workingLink),
    ...(typeof acknowledged === 'string' ? { acknowledged } : {}),
    ...(binding === undefined ? {} : { binding: keyBinding(binding) }),
    ...askedFor(asked),
    ...knownDaemon(daemon),
    ...(request === undefined ? {} : { request: begunRequest(request) }),
    other,
  };
}

function entriesOf<T>(
  value: unknown,
  name: string,
  read: (noted: JsonObject, where: string) => T,
): ReadonlyMap<string, T> {
  if (!isObject(value)) throw new Broken(`"${name}" is not an object`);
  const entries = new Map<string, T>();
  for (const [endpoint, noted] of Object.entries(value)) {
    const where = `what it says of ${printable(endpoint)}`;
    if (!isObject(noted)) throw new Broken(`${where} is not an object`);
    const entry = read(noted, where);
    const key = endpointKeyOf(endpoint);
    // Of two writings of one endpoint, which were noted as two once, the first counts.
    if (!entries.has(key)) entries.set(key, entry);
  }
  return entries;
}

function knownManager({ fingerprint, firstSeen, hearsay, ...other }: JsonObject, where: string): KnownManager {
  if (typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint)) {
    throw new Broken(`${where} has no valid fingerprint`);
  }
  if (typeof firstSeen !== 'string' || Number.isNaN(Date.parse(firstSeen))) {
    throw new Broken(`${where} has no valid date`);
  }
  return { fingerprint, firstSeen, ...(hearsay === true ? { hearsay } : {}), other };
}

function workingLink({ protocol, cipher, family, port, prefix }: JsonObject, where: string): WorkingLink {
  if (protocol === 'https') {
    if (typeof port !== 'number' || typeof prefix !== 'string')
      throw new Broken(`${where} has no valid port and prefix`);
    return { protocol, port, prefix };
  }
  if (protocol !== 'tcp' && protocol !== 'udp') throw new Broken(`${where} has no valid protocol`);
  if (cipher !== 'aes' && cipher !== 'blowfish') throw new Broken(`${where} has no valid cipher`);
  return { protocol, cipher, ...(isFamily(family) ? { family } : {}) };
}

function isFamily(value: unknown): value is ManagerFamily {
  return FAMILIES.includes(value);
}

/** What cannot be understood is told once more, and no harm comes of it. */
function askedFor(noted: unknown): Pick<Notes, 'asked'> {
  if (!isObject(noted)) return {};
  const { agent, name, ip, groups } = noted;
  const texts = typeof agent === 'string' && typeof name === 'string' && typeof ip === 'string';
  return texts && isTexts(groups) ? { asked: { agent, name, ip, groups } } : {};
}

/** One that cannot be understood is seen again. */
function knownDaemon(noted: unknown): Pick<Notes, 'daemon'> {
  if (!isObject(noted)) return {};
  const { instance, keys } = noted;
  return typeof instance === 'string' && typeof keys === 'string' ? { daemon: { instance, keys } } : {};
}

function keyBinding(noted: unknown): KeyBinding {
  const where = 'what it says of the machine';
  if (!isObject(noted)) throw new Broken(`${where} is not an object`);
  const { agentId, key, salt, hashes, othersNames = [], ...other } = noted;
  if (typeof agentId !== 'string' || !/^[0-9]{1,10}$/.test(agentId)) throw new Broken(`${where} has no valid agent id`);
  if (typeof key !== 'string' || !HASH.test(key)) throw new Broken(`${where} has no valid key`);
  if (typeof salt !== 'string' || !/^[0-9a-f]{32}$/.test(salt)) throw new Broken(`${where} has no valid salt`);
  if (!isObject(hashes)) throw new Broken(`${where} has no hashes`);
  const kept = new Map<string, string>();
  for (const [kind, hash] of Object.entries(hashes)) {
    if (typeof hash !== 'string' || !HASH.test(hash)) throw new Broken(`${where} has an invalid hash`);
    kept.set(kind, hash);
  }
  if (!isTexts(othersNames)) throw new Broken(`${where} has invalid names`);
  return { agentId, key, salt, hashes: kept, othersNames, other };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** One that cannot be understood still tells that there was one. */
export function begunRequest(noted: unknown): BegunRequest {
  const text = (name: string, otherwise: string) => {
    const found = isObject(noted) ? noted[name] : undefined;
    return typeof found === 'string' ? found : otherwise;
  };
  return {
    name: text('name', 'unknown'),
    manager: text('manager', 'a manager'),
    startedAt: text('startedAt', 'unknown'),
  };
}

/** The notes as JSON text, for people to read too. JSON leaves out what is not noted. */
export function formatNotes({ managers, links, acknowledged, binding, asked, daemon, request, other }: Notes): string {
  const known = [...managers].map(([endpoint, { other: rest, ...manager }]) => [endpoint, { ...manager, ...rest }]);
  const notes = {
    version: VERSION,
    managers: Object.fromEntries(known),
    ...(links.size === 0 ? {} : { links: Object.fromEntries(links) }),
    acknowledged,
    binding: binding && formatBinding(binding),
    asked,
    daemon,
    request,
    ...other,
  };
  return `${JSON.stringify(notes, undefined, 2)}\n`;
}

function formatBinding({ hashes, othersNames, other, ...binding }: KeyBinding): JsonObject {
  const names = othersNames.length === 0 ? {} : { othersNames };
  return { ...binding, hashes: Object.fromEntries(hashes), ...names, ...other };
}
