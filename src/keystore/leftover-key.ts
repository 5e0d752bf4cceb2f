import type { FileEdge } from '../files/file-edge.js';
import { atPlace } from '../files/place.js';
import { ROOT_ONLY } from '../files/read.js';
import { removeLeftovers } from '../files/replace.js';
import { type AgentRecord, parseRecord } from '../model/agent-record.js';
import type { AgentInstallation } from '../model/host.js';
import { KEYS_LIMIT } from './installed.js';
import { readLeftovers } from './leftover-files.js';

/**
 * The key that a run was about to put in place of client.keys when it was killed: a whole record, for the name that was
 * asked for, in a temporary file of root's or the running user's. It may be the only copy of a key that the manager has
 * given away. `undefined`: there is none.
 *
 * @throws EnrollError FILE_UNREADABLE
 */
export async function leftoverKey(
  { keysFile }: AgentInstallation,
  name: string,
  edge: FileEdge,
): Promise<AgentRecord | undefined> {
  for await (const { bytes } of readLeftovers(keysFile, { limit: KEYS_LIMIT, owners: ROOT_ONLY }, edge)) {
    const record = wholeRecord(bytes.toString('latin1'));
    if (record !== undefined && isNamed(record, name)) return record;
  }
  return undefined;
}

/** Removes such keys, and parts of them, once a manager has acknowledged the one that is in its place. */
export async function removeLeftoverKeys({ keysFile }: AgentInstallation, edge: FileEdge): Promise<void> {
  await atPlace(keysFile, edge, removeLeftovers).catch(() => undefined);
}

/** The file is written in one piece with its line end last: without it, it is not whole. */
function wholeRecord(text: string): AgentRecord | undefined {
  if (!text.endsWith('\n')) return undefined;
  const parsed = parseRecord(text.slice(0, -1));
  return parsed.ok ? parsed.record : undefined;
}

/** An OSSEC manager numbers a name that it has already. */
function isNamed(record: AgentRecord, name: string): boolean {
  return record.name === name || (record.name.startsWith(name) && /^\d{1,3}$/.test(record.name.slice(name.length)));
}
