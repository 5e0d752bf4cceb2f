import { dirname, join } from 'node:path';
import { accessOf, formatMode, isTooWide } from '../../files/access.js';
import { factsOf } from '../../files/directories.js';
import type { FileEdge } from '../../files/file-edge.js';
import { Untouched, unwritable } from '../../files/file-error.js';
import type { FileFacts } from '../../files/files.js';
import { atPlace, canOthersWrite } from '../../files/place.js';
import { setAccess } from '../../files/replace.js';
import type { AgentInstallation } from '../../model/host.js';
import { printable } from '../../model/printable.js';
import { ensureDirectory, isBelow } from '../agent-directories.js';

/**
 * Where this program keeps what concerns itself, its notes and its lock: a directory of its own in the agent's home, or
 * beside a key that lies elsewhere (a container's volume). Not beside every key: in `etc/` whoever runs as the agent
 * may remove and rename.
 */
export function notesDirectory({ home, keysFile }: Pick<AgentInstallation, 'home' | 'keysFile'>): string {
  return join(isBelow(keysFile, home) ? home : dirname(keysFile), '.agent-enroll');
}

/**
 * Makes sure that the directory is there, and this program's own: root's (or the running user's) and for nobody else.
 *
 * @param made is told the directories that were made, the outermost first
 * @returns what the user should know, if it was open to others and is set right
 * @throws EnrollError FILE_UNWRITABLE, also for a directory that somebody else has made in its place
 */
export async function ensureNotesDirectory(
  agent: AgentInstallation,
  made: string[],
  edge: FileEdge,
): Promise<string | undefined> {
  const path = notesDirectory(agent);
  try {
    await ensureDirectory(path, 'notes directory', agent, made, edge);
    return await atPlace(path, edge, async (place) => {
      const { facts } = place;
      if (facts === undefined) return undefined;
      requireOwn(path, facts, edge);
      if (!isTooWide('notes directory', facts, agent.platform)) return undefined;
      await setAccess(place, accessOf('notes directory', agent, facts, edge), edge);
      return setRight(path, facts);
    });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** What is told of a file or directory that others could use in more ways than they should, and that is set right. */
export function setRight(path: string, { mode }: FileFacts): string {
  return `${printable(path)} had mode ${formatMode(mode)}, so that others could use it. It has the right mode now.`;
}

/** @throws Untouched: what somebody else may have put there would be believed */
export function requireOwn(path: string, { kind, uid }: FileFacts, { uid: own }: Pick<FileEdge, 'uid'>): void {
  if (kind !== 'directory') throw new Untouched('it is not a directory');
  if (own === undefined || uid === 0 || uid === own) return;
  throw new Untouched(
    `it belongs to another user (${uid}), who could change what is remembered in it`,
    `Find out who made it, and remove ${printable(path)}.`,
  );
}

/**
 * Whether somebody else can take the directory away as a whole, in words; `undefined`: nobody can.
 * @throws as {@link atPlace}
 */
export async function removableBy(agent: AgentInstallation, edge: FileEdge): Promise<string | undefined> {
  const around = dirname(notesDirectory(agent));
  const facts = await factsOf(around, edge);
  if (edge.uid !== 0 || facts === undefined) return undefined;
  const { uid, gid, mode } = facts;
  const sticky = (mode & 0o1000) !== 0;
  if (sticky || !canOthersWrite(facts, edge)) return undefined;
  return `${printable(around)} (${uid}:${gid}, mode ${formatMode(mode)}) can be changed by others than root, who can remove there what this program remembers: which manager is trusted, and which machine the key belongs to.`;
}
