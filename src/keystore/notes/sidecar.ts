import { EnrollError } from '../../errors.js';
import { type KeystoreEdge, nodeEdge } from '../../files/file-edge.js';
import { refused, unreadable, unwritable } from '../../files/file-error.js';
import { type Files, nodeFiles, readSmall } from '../../files/files.js';
import { type Access, existing, removeLeftovers, replaceFile, resolveTarget } from '../../files/replace.js';
import type { MachineBinding } from '../../host/binding.js';
import type { AgentInstallation } from '../../model/host.js';
import { printable } from '../../model/printable.js';

/** What an earlier run saw of a manager, for trust by first use. */
export interface KnownManager {
  /** `sha256:` and 64 lower-case hex digits of the public key (SPKI) of its certificate. */
  readonly fingerprint: string;
  /** When, as ISO 8601 in UTC. */
  readonly firstSeen: string;
  /** What another version of this program noted, kept as it is. */
  readonly other: Fields;
}

/** On which machine a key was enrolled. */
export interface KeyBinding extends MachineBinding {
  /** The agent's id, as in its record. */
  readonly agentId: string;
  /** Which of the keys that an agent of this id can have: 64 hex digits, made of its hash with the salt. */
  readonly key: string;
  /** Names that this machine found on copied keys: other machines go by them. */
  readonly othersNames: readonly string[];
  /** What another version of this program noted, kept as it is. */
  readonly other: Fields;
}

/** What this program remembers beside the key. */
export interface Sidecar {
  /** By `host:port` of the enrollment service, an IPv6 address in brackets. */
  readonly managers: ReadonlyMap<string, KnownManager>;
  /** The agent, as `id name`, whose key a manager has acknowledged; absent: none has been seen to. */
  readonly acknowledged?: string;
  /** Absent: the key is not bound to a machine. */
  readonly binding?: KeyBinding;
  /** Parts that this version does not know, kept as they are. */
  readonly other: Fields;
}

type Fields = Readonly<Record<string, unknown>>;

const VERSION = 1;
const SIDECAR_LIMIT = 256 * 1024;
const SIDECAR_MODE = 0o600;
const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;

const NOTHING_KNOWN: Sidecar = { managers: new Map(), other: {} };

/** Where it lies: beside the key, under a name that no agent looks for. */
export function sidecarFile(keysFile: string): string {
  return `${keysFile}.agent-enroll.json`;
}

/**
 * What earlier runs noted beside this key; nothing, where there is no such file.
 *
 * @throws EnrollError FILE_UNREADABLE, also for a file that is broken: it says which managers are trusted, and to
 * pass over it would trust anybody
 */
export async function readSidecar(keysFile: string, files: Files = nodeFiles): Promise<Sidecar> {
  const text = await readText(sidecarFile(keysFile), files);
  return text === undefined ? NOTHING_KNOWN : parseSidecar(text, sidecarFile(keysFile));
}

/**
 * Replaces the notes by what `change` makes of them, as safely as the key itself: mode 0600, root's or the running
 * user's own, on Windows for Administrators and SYSTEM. Returns what is there now.
 *
 * @throws EnrollError FILE_UNREADABLE as {@link readSidecar}, FILE_UNWRITABLE
 */
export async function updateSidecar(
  { keysFile, platform }: Pick<AgentInstallation, 'keysFile' | 'platform'>,
  change: (before: Sidecar) => Sidecar,
  edge: KeystoreEdge = nodeEdge(),
): Promise<Sidecar> {
  const path = sidecarFile(keysFile);
  const before = await readText(path, edge.files);
  const after = change(before === undefined ? NOTHING_KNOWN : parseSidecar(before, path));
  const text = formatSidecar(after);
  if (text === before) return after;
  try {
    const target = await resolveTarget(path, edge);
    if (target.facts?.kind === 'directory') throw refused(path, 'it is a directory');
    const owner = edge.uid === 0 ? { owner: { uid: 0, gid: 0 } } : {};
    const access: Access = { platform, mode: SIDECAR_MODE, secret: true, ...owner };
    await removeLeftovers(target.path, edge);
    await replaceFile(target.path, text, access, edge);
  } catch (error) {
    throw unwritable(path, error);
  }
  return after;
}

async function readText(path: string, files: Files): Promise<string | undefined> {
  try {
    const facts = await existing(files.stat(path));
    if (facts === undefined) return undefined;
    if (facts.kind === 'other') throw new Error('it is not a regular file');
    const text = await readSmall(path, SIDECAR_LIMIT, files);
    if (text === undefined) throw new Error(`it is larger than ${SIDECAR_LIMIT / 1024} KiB`);
    return text;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * The notes out of their JSON text.
 *
 * @throws EnrollError FILE_UNREADABLE, naming `path` and what is wrong
 */
export function parseSidecar(text: string, path: string): Sidecar {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw broken(path, 'it is not JSON');
  }
  if (!isFields(json)) throw broken(path, 'it is not a JSON object');
  const { version, managers = {}, binding, acknowledged, ...other } = json;
  if (typeof version === 'number' && version > VERSION) {
    throw new EnrollError('FILE_UNREADABLE', `${printable(path)} was written by a newer agent-enroll.`, {
      hint: 'Use that version, or the newest one.',
    });
  }
  if (version !== VERSION) throw broken(path, 'it has no valid version');
  if (!isFields(managers)) throw broken(path, '"managers" is not an object');
  const known = Object.entries(managers).map(
    ([endpoint, noted]) => [endpoint, knownManager(endpoint, noted, path)] as const,
  );
  return {
    managers: new Map(known),
    ...(typeof acknowledged === 'string' ? { acknowledged } : {}),
    ...(binding === undefined ? {} : { binding: keyBinding(binding, path) }),
    other,
  };
}

function knownManager(endpoint: string, noted: unknown, path: string): KnownManager {
  const where = `what it says of ${printable(endpoint)}`;
  if (!isFields(noted)) throw broken(path, `${where} is not an object`);
  const { fingerprint, firstSeen, ...other } = noted;
  if (typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint)) {
    throw broken(path, `${where} has no valid fingerprint`);
  }
  if (typeof firstSeen !== 'string' || Number.isNaN(Date.parse(firstSeen))) {
    throw broken(path, `${where} has no valid date`);
  }
  return { fingerprint, firstSeen, other };
}

const HASH = /^[0-9a-f]{64}$/;

function keyBinding(noted: unknown, path: string): KeyBinding {
  const where = 'what it says of the machine';
  if (!isFields(noted)) throw broken(path, `${where} is not an object`);
  const { agentId, key, salt, hashes, othersNames = [], ...other } = noted;
  if (typeof agentId !== 'string' || !/^[0-9]{1,10}$/.test(agentId))
    throw broken(path, `${where} has no valid agent id`);
  if (typeof key !== 'string' || !HASH.test(key)) throw broken(path, `${where} has no valid key`);
  if (typeof salt !== 'string' || !/^[0-9a-f]{32}$/.test(salt)) throw broken(path, `${where} has no valid salt`);
  if (!isFields(hashes)) throw broken(path, `${where} has no hashes`);
  const kept = new Map<string, string>();
  for (const [kind, hash] of Object.entries(hashes)) {
    if (typeof hash !== 'string' || !HASH.test(hash)) throw broken(path, `${where} has an invalid hash`);
    kept.set(kind, hash);
  }
  if (!isTexts(othersNames)) throw broken(path, `${where} has invalid names`);
  return { agentId, key, salt, hashes: kept, othersNames, other };
}

function formatBinding({ agentId, key, salt, hashes, othersNames, other }: KeyBinding): Fields {
  const names = othersNames.length === 0 ? {} : { othersNames };
  return { agentId, key, salt, hashes: Object.fromEntries(hashes), ...names, ...other };
}

/** The notes as JSON text, for people to read too. */
export function formatSidecar({ managers, acknowledged, binding, other }: Sidecar): string {
  const known = [...managers].map(([endpoint, { fingerprint, firstSeen, other }]) => {
    return [endpoint, { fingerprint, firstSeen, ...other }] as const;
  });
  const bound = binding === undefined ? {} : { binding: formatBinding(binding) };
  const proven = acknowledged === undefined ? {} : { acknowledged };
  const notes = { version: VERSION, managers: Object.fromEntries(known), ...proven, ...bound, ...other };
  return `${JSON.stringify(notes, undefined, 2)}\n`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function broken(path: string, what: string): EnrollError {
  return new EnrollError('FILE_UNREADABLE', `${printable(path)} is broken: ${what}.`, {
    hint: 'It holds the fingerprints of the managers that this host trusts. Restore it; or remove it, and name the manager with --pin sha256:… at the next enrollment.',
  });
}
