import { dirname } from 'node:path';
import { EnrollError, systemCode } from '../errors.js';
import { type Access, accessOf, isAsWanted } from '../files/access.js';
import type { FileEdge } from '../files/file-edge.js';
import { Untouched, unreadable, unwritable } from '../files/file-error.js';
import { atPlace, type Place } from '../files/place.js';
import { readPlace, requireFile } from '../files/read.js';
import { rehearse, removeLeftovers, replaceFile, requireReplaceable, requireUnprotected } from '../files/replace.js';
import { type AgentRecord, faultInWords, formatRecord, parseRecord } from '../model/agent-record.js';
import type { AgentInstallation } from '../model/host.js';
import { ensureDirectory, withDirectories } from './agent-directories.js';
import { KEYS_LIMIT, ownersOfKeys } from './installed.js';

/** The key is on the disk, where the agent looks for it. */
export interface InstalledKey {
  readonly record: AgentRecord;
  readonly keysFile: string;
  /** False: this record was in place already, with its mode and owner, and nothing was written. */
  readonly changed: boolean;
}

/**
 * Whether a key could be installed, found out by doing all of it but the replacing; asked before the manager is, so
 * that no agent is created for a host that cannot keep its key. It leaves nothing behind.
 *
 * The directory of client.keys must exist, with one exception: on a host that has no agent yet the agent home, and `etc`
 * in it, are made where they are missing.
 *
 * @throws EnrollError FILE_UNWRITABLE with the path and the reason; FILE_UNREADABLE where a file is there that cannot be
 * read, so that nobody knows what would be overwritten
 */
export async function checkWritable(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  await atKeysFile(agent, edge, 'rehearsed', async (place, access) => {
    await readReplaceable(place, agent, edge);
    await rehearse(place, access, edge);
  });
}

/**
 * Replaces client.keys by this one record: the agent uses the first entry only (OSSEC and Wazuh, read_keys), so comments,
 * removed agents and what is no entry go with the old one. A file with more keys than one is left alone. Whatever happens, the power failing included, the file is the old one or the new one, whole.
 *
 * Mode 0640, `root:wazuh` or `root:ossec` when run as root, else the running user's own; on Windows for Administrators
 * and SYSTEM. Temporary files of earlier runs that were killed are removed, now that they are of no more use.
 *
 * @throws EnrollError FILE_UNWRITABLE, FILE_UNREADABLE as {@link checkWritable}; the old file is in place then, unless the
 * new one could not be made durable after it was put there, which the message says
 */
export async function installKey(record: AgentRecord, agent: AgentInstallation, edge: FileEdge): Promise<InstalledKey> {
  const { keysFile } = agent;
  const content = contentOf(record);
  return await atKeysFile(agent, edge, 'kept', async (place, access) => {
    const present = await readReplaceable(place, agent, edge);
    const same = place.facts !== undefined && present === content && isAsWanted(place.facts, access);
    if (!same) await replaceFile(place, content, access, edge);
    await removeLeftovers(place);
    return { record, keysFile, changed: !same };
  });
}

/** The new file's text. Records come from outside, through a parser; this is the last gate before the disk. */
function contentOf(record: AgentRecord): string {
  const line = formatRecord(record);
  const parsed = parseRecord(line);
  if (!parsed.ok) {
    throw new EnrollError('INTERNAL', `A record was to be installed that is none: ${faultInWords(parsed.fault)}.`);
  }
  return `${line}\n`;
}

/** Goes to client.keys, its directory made where it is missing. All errors become FILE_UNWRITABLE of that file. */
async function atKeysFile<T>(
  agent: AgentInstallation,
  edge: FileEdge,
  keep: 'kept' | 'rehearsed',
  step: (place: Place, access: Access) => Promise<T>,
): Promise<T> {
  const { keysFile } = agent;
  try {
    return await withDirectories(edge, keep, async (made) => {
      await ensureDirectory(dirname(keysFile), 'agent directory', agent, made, edge);
      return await atPlace(keysFile, edge, async (place) => {
        const near = place.facts ?? (await place.directory.facts());
        return await step(place, accessOf('client.keys', agent, near, edge));
      });
    });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      throw unwritable(keysFile, new Untouched('it is a symbolic link into a directory which does not exist'));
    }
    throw unwritable(keysFile, error);
  }
}

/**
 * Finds what would only fail at the rename, when it is too late, and refuses to replace what is no agent's client.keys.
 * Returns the text of the present file.
 */
async function readReplaceable(place: Place, agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  const { platform } = agent;
  if (place.facts === undefined) return undefined;
  requireFile(place.facts);
  await requireReplaceable(place, platform, edge);
  await requireUnprotected(place, platform);
  return await readPresent(place, agent, edge);
}

async function readPresent(place: Place, agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  let text: string | undefined;
  try {
    const rules = { limit: KEYS_LIMIT, owners: ownersOfKeys(agent) };
    text = (await readPlace(place, rules, edge))?.bytes.toString('latin1');
  } catch (error) {
    throw unreadable(agent.keysFile, error);
  }
  if (text !== undefined && liveRecords(text) > 1) {
    throw new Untouched(
      "it holds the keys of several agents, as a manager's list of its agents does, and none of them is overwritten",
      'If this host is a manager, give its agent a home of its own (--agent-home). Else leave in the file the first record alone, which is the one that the agent uses.',
    );
  }
  return text;
}

/** How many agents the text has keys of. A removed one has none any more. */
function liveRecords(text: string): number {
  return text.split(/\r?\n/).filter((line) => parseRecord(line).ok).length;
}
