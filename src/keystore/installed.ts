import { EnrollError } from '../errors.js';
import { accessOf, formatMode, isTooWide } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { unwritable } from '../files/file-error.js';
import type { FileFacts } from '../files/files.js';
import { atPlace } from '../files/place.js';
import { readFile } from '../files/read.js';
import { setAccess } from '../files/replace.js';
import { type AgentRecord, faultInWords, firstRecord } from '../model/agent-record.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';

/** An agent's client.keys is one line of at most 400 bytes; but an agent starts with a manager's whole list as well. */
export const KEYS_LIMIT = 32 * 1024 * 1024;

/** Which file, on which system. */
type KeysFile = Pick<AgentInstallation, 'keysFile' | 'platform' | 'account'>;

/** A client.keys that holds a key. */
export interface PresentFile {
  /** The record that an agent which starts now would use. */
  readonly record: AgentRecord;
  /** That others than the agent may read or write it, in words; absent: they may not. */
  readonly tooWide?: string;
  /** Present: the agent's user wrote it, as the daemon's own enrollment does, and may have written anything. */
  readonly agents?: true;
}

/** Whose client.keys may be where root runs this: the packages' is root's, that of a daemon that enrolled by itself its user's. */
export function ownersOfKeys({ account }: Pick<AgentInstallation, 'account'>): readonly number[] {
  return account === undefined ? [] : [account.uid];
}

/**
 * The key that is on this host. `undefined`: no file, or no entry in it.
 *
 * @throws EnrollError FILE_UNREADABLE; KEYS_INVALID with the fault in words and nothing of the file's text
 */
export async function readInstalled(agent: KeysFile, edge: FileEdge): Promise<PresentFile | undefined> {
  const { keysFile } = agent;
  const file = await readFile(keysFile, { limit: KEYS_LIMIT, owners: ownersOfKeys(agent) }, edge);
  if (file === undefined) return undefined;
  const first = firstRecord(file.bytes.toString('latin1'));
  if (first === undefined) return undefined;
  if (!first.ok) {
    const message = `The first entry of ${printable(keysFile)} is not valid: ${faultInWords(first.fault)}.`;
    throw new EnrollError('KEYS_INVALID', message);
  }
  return { record: first.record, ...widthOf(agent, file.facts), ...agentsMark(file.facts, edge) };
}

/** For a file that was read as {@link ownersOfKeys} allows: whether it is that of the agent's user. On Windows all are of 0. */
export function agentsMark({ uid }: FileFacts, edge: FileEdge): { readonly agents?: true } {
  return uid !== 0 && uid !== edge.uid ? { agents: true } : {};
}

/** When client.keys was changed, and whose it is. */
export interface KeysFileTimes {
  /** When anything of it was last changed, its place and mode too, in milliseconds since 1970. */
  readonly changed: number;
  /** Numeric user (Unix). */
  readonly uid: number;
  /** Another one for each content that the file has had. */
  readonly content: string;
}

/** `undefined`: there is no such file, or it may not be looked at. */
export async function installedTimes(
  { keysFile }: Pick<AgentInstallation, 'keysFile'>,
  edge: FileEdge,
): Promise<KeysFileTimes | undefined> {
  const facts = await atPlace(keysFile, edge, async (place) => place.facts).catch(() => undefined);
  if (facts === undefined) return undefined;
  const { changed, uid, identity, modified } = facts;
  return { changed: Number(changed / 1000n) / 1000, uid, content: `${identity} ${modified}` };
}

/** How client.keys may be used (Unix). */
export interface KeysAccess {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** Whether others than root and the agent may use it. */
  readonly tooWide: boolean;
}

/** `undefined`: there is no such file, or it may not be looked at. */
export async function installedAccess(
  { keysFile, platform }: KeysFile,
  edge: FileEdge,
): Promise<KeysAccess | undefined> {
  const facts = await atPlace(keysFile, edge, async (place) => place.facts).catch(() => undefined);
  if (facts === undefined) return undefined;
  const { uid, gid, mode } = facts;
  return { uid, gid, mode, tooWide: isTooWide('client.keys', facts, platform) };
}

function widthOf({ keysFile, platform }: KeysFile, facts: FileFacts): { readonly tooWide?: string } {
  if (!isTooWide('client.keys', facts, platform)) return {};
  return {
    tooWide: `${printable(keysFile)} had mode ${formatMode(facts.mode)}: others than root and the agent could read or change this key.`,
  };
}

/**
 * Gives client.keys the owner and mode that it should have.
 * @throws EnrollError FILE_UNWRITABLE
 */
export async function narrowInstalled(agent: KeysFile, edge: FileEdge): Promise<void> {
  try {
    await atPlace(agent.keysFile, edge, async (place) => {
      if (place.facts === undefined) return;
      await setAccess(place, accessOf('client.keys', agent, place.facts, edge), edge);
    });
  } catch (error) {
    throw unwritable(agent.keysFile, error);
  }
}
