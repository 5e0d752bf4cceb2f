import { dirname, resolve } from 'node:path';
import { EnrollError, systemCode } from '../errors.js';
import { type KeystoreEdge, nodeEdge } from '../files/file-edge.js';
import { refused, unreadable, unwritable } from '../files/file-error.js';
import { type FileFacts, readSmall } from '../files/files.js';
import {
  type Access,
  createDirectory,
  existing,
  type Owner,
  rehearse,
  removeLeftovers,
  replaceFile,
  resolveTarget,
  type Target,
} from '../files/replace.js';
import { type AgentRecord, formatRecord, parseRecord } from '../model/agent-record.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';
import { faultInWords, KEYS_LIMIT } from './installed.js';

/** The key is on the disk, where the agent looks for it. */
export interface InstalledKey {
  readonly record: AgentRecord;
  readonly keysFile: string;
  /** False: this record was in place already, with its mode and owner, and nothing was written. */
  readonly changed: boolean;
}

// As the packages install it: the agent's group reads it, root alone writes it.
const KEY_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

/**
 * Whether a key could be installed, found out by doing all of it but the replacing; asked before the manager is, so
 * that no agent is created for a host that cannot keep its key. It leaves nothing behind.
 *
 * The directory of client.keys must exist, with one exception: on a host that has no agent yet the agent home, and `etc`
 * in it, are made where they are missing. A symbolic link of root's or of the running user's is followed, and its target replaced.
 *
 * Without an account of the agent's the group of the present file, else of its directory, is taken for the agent's.
 *
 * @throws EnrollError FILE_UNWRITABLE with the path and the reason; FILE_UNREADABLE where a file is there that cannot be
 * read, so that nobody knows what would be overwritten
 */
export async function checkWritable(installation: AgentInstallation, edge: KeystoreEdge = nodeEdge()): Promise<void> {
  await atKeysFile(installation, edge, async (made) => {
    const place = await look(installation, edge);
    await checkReplaceable(place, installation, edge);
    await rehearse(place.target.path, place.access, edge);
    for (const directory of made) await edge.files.removeDirectory(directory);
  });
}

/**
 * Replaces client.keys by this one record: the agent reads the first entry only (OSSEC and Wazuh, read_keys), so nothing
 * else is kept. Whatever happens, the power failing included, the file is the old one or the new one, whole.
 *
 * Mode 0640, `root:wazuh` or `root:ossec` when run as root, else the running user's own; on Windows for Administrators
 * and SYSTEM. Temporary files of earlier runs that were killed are removed.
 *
 * @throws EnrollError FILE_UNWRITABLE, FILE_UNREADABLE as {@link checkWritable}; the old file is in place then, unless the
 * new one could not be made durable after it was put there, which the message says
 */
export async function installKey(
  record: AgentRecord,
  installation: AgentInstallation,
  edge: KeystoreEdge = nodeEdge(),
): Promise<InstalledKey> {
  const { keysFile } = installation;
  const content = contentOf(record);
  return atKeysFile(installation, edge, async () => {
    const place = await look(installation, edge);
    const { target, access } = place;
    const present = await checkReplaceable(place, installation, edge);
    if (present === content && isAsWanted(target.facts, access)) return { record, keysFile, changed: false };
    await replaceFile(target.path, content, access, edge);
    return { record, keysFile, changed: true };
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

/**
 * Runs a step with the directory of client.keys in place. The step is given the directories that were made for it, the
 * innermost first, and they are removed again if the step fails. System errors become FILE_UNWRITABLE.
 */
async function atKeysFile<T>(
  installation: AgentInstallation,
  edge: KeystoreEdge,
  step: (made: readonly string[]) => Promise<T>,
): Promise<T> {
  const made: string[] = [];
  try {
    await ensureDirectory(installation, edge, made);
    return await step(made);
  } catch (error) {
    for (const directory of made) await edge.files.removeDirectory(directory).catch(() => undefined);
    throw unwritable(installation.keysFile, error);
  }
}

/** Makes the agent home, in a directory that exists, and `etc` in it. Puts what it made in front of `made`. */
async function ensureDirectory(installation: AgentInstallation, edge: KeystoreEdge, made: string[]): Promise<void> {
  const { keysFile } = installation;
  const home = resolve(installation.home);
  const directory = dirname(resolve(keysFile));
  const facts = await existing(edge.files.stat(directory));
  if (facts?.kind === 'directory') return;
  if (facts !== undefined) throw refused(keysFile, `${printable(directory)} is not a directory`);
  const missing = directory === home ? [home] : dirname(directory) === home ? [home, directory] : [];
  for (const path of missing) {
    const parent = await existing(edge.files.stat(dirname(path)));
    if (parent?.kind !== 'directory') throw noDirectory(keysFile, dirname(path));
    if ((await existing(edge.files.stat(path)))?.kind === 'directory') continue;
    await createDirectory(path, directoryAccess(installation, parent, edge), edge);
    made.unshift(path);
  }
  if (missing.length === 0) throw noDirectory(keysFile, directory);
}

/** How a new directory of the agent's may be used: root's, and open to the agent's group. */
export function directoryAccess(
  installation: AgentInstallation,
  parent: FileFacts,
  edge: KeystoreEdge,
): Omit<Access, 'secret'> {
  const owner = rootAndGroup(installation, edge, parent);
  return { platform: installation.platform, mode: DIRECTORY_MODE, ...(owner === undefined ? {} : { owner }) };
}

function noDirectory(keysFile: string, missing: string): EnrollError {
  return refused(
    keysFile,
    `there is no directory ${printable(missing)}`,
    'Make the directory, or choose another place with --agent-home or --keys.',
  );
}

/** The real place of client.keys, and how the new file may be used. */
interface Place {
  readonly target: Target;
  readonly directory: FileFacts;
  readonly access: Access;
}

async function look(installation: AgentInstallation, edge: KeystoreEdge): Promise<Place> {
  const { keysFile, platform } = installation;
  const target = await resolveTarget(keysFile, edge);
  const directory = await existing(edge.files.stat(dirname(target.path)));
  if (directory === undefined) {
    throw refused(keysFile, `it is a symbolic link into ${printable(dirname(target.path))}, which does not exist`);
  }
  const owner = rootAndGroup(installation, edge, target.facts ?? directory);
  const access: Access = { platform, mode: KEY_MODE, secret: true, ...(owner === undefined ? {} : { owner }) };
  return { target, directory, access };
}

/** Only root can give a file away; anybody else's files are their own. */
function rootAndGroup({ account }: AgentInstallation, { uid }: KeystoreEdge, near: FileFacts): Owner | undefined {
  return uid === 0 ? { uid: 0, gid: account?.gid ?? near.gid } : undefined;
}

/**
 * Finds what would only fail at the rename, when it is too late, and refuses to replace what is no agent's client.keys.
 * Returns the text of the present file.
 */
async function checkReplaceable(
  { target, directory }: Place,
  { keysFile, platform }: AgentInstallation,
  edge: KeystoreEdge,
): Promise<string | undefined> {
  const { path, facts } = target;
  await removeLeftovers(path, edge);
  if (facts === undefined) return undefined;
  if (facts.kind === 'directory') throw refused(keysFile, 'it is a directory');
  if (facts.kind !== 'file') throw refused(keysFile, 'it is not a regular file');
  if (platform === 'unix') {
    // Not by comparing devices: on an overlay, a file may lie on another one than its directory.
    if (edge.files.isMountPoint(path)) {
      throw refused(keysFile, 'it is a mount of its own, which cannot be replaced', 'Mount its directory instead.');
    }
    const sticky = (directory.mode & 0o1000) !== 0;
    if (sticky && edge.uid !== 0 && facts.uid !== edge.uid && directory.uid !== edge.uid) {
      throw refused(keysFile, 'it belongs to another user, and its directory lets only the owner replace it');
    }
  }
  await checkNotProtected(path, keysFile, platform, edge);
  return readPresent(path, keysFile, edge);
}

/** Opens the file for writing, and writes nothing. */
async function checkNotProtected(path: string, keysFile: string, platform: string, edge: KeystoreEdge): Promise<void> {
  try {
    await (await edge.files.open(path, 'r+')).close();
  } catch (error) {
    const code = systemCode(error);
    // To replace a file one need not be allowed to write it (Unix), and a file that is in use is free again soon (Windows).
    if (code === (platform === 'unix' ? 'EACCES' : 'EBUSY')) return;
    if (code !== 'EPERM') throw error;
    if (platform === 'unix') {
      throw refused(
        keysFile,
        'it is marked immutable or append-only',
        `Remove the mark with chattr -i -a, and run the command again.`,
      );
    }
    throw refused(
      keysFile,
      'it is read-only, or this user may not write it',
      'Run as Administrator, and remove the read-only mark (attrib -r).',
    );
  }
}

async function readPresent(path: string, keysFile: string, { files }: KeystoreEdge): Promise<string> {
  let text: string | undefined;
  try {
    text = await readSmall(path, KEYS_LIMIT, files);
  } catch (error) {
    throw unreadable(keysFile, error);
  }
  if (text === undefined || entries(text) > 1) {
    throw refused(
      keysFile,
      "it holds several agents: it is a manager's list of its agents, not the key of this host",
      'Do not enroll a manager as an agent of its own home. If this host is none, move the file away first.',
    );
  }
  return text;
}

/** How many agents, removed ones included, the text has entries of. */
function entries(text: string): number {
  const parsed = text.split(/\r?\n/).map(parseRecord);
  return parsed.filter((line) => line.ok || line.fault === 'removed').length;
}

function isAsWanted(facts: FileFacts | undefined, { platform, mode, owner }: Access): boolean {
  if (facts === undefined) return false;
  if (platform === 'windows') return true;
  if ((facts.mode & 0o7777) !== mode) return false;
  return owner === undefined || (facts.uid === owner.uid && facts.gid === owner.gid);
}
