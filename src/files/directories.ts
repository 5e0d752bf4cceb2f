import { dirname } from 'node:path';
import { systemCode } from '../errors.js';
import type { Access } from './access.js';
import type { FileEdge } from './file-edge.js';
import { Untouched } from './file-error.js';
import type { FileFacts } from './files.js';
import { atPlace, type Place } from './place.js';

/** Facts of what a path leads to; `undefined`: nothing is there. @throws as {@link atPlace} */
export async function factsOf(path: string, edge: FileEdge): Promise<FileFacts | undefined> {
  try {
    return await atPlace(path, edge, async ({ facts }) => facts);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes a directory with exactly the owner and mode that one of its kind has.
 *
 * @param access given the directory that it is made in
 * @returns whether it was made; false: it was there already
 * @throws the system's error; then no directory was made
 */
export async function makeDirectory(
  path: string,
  access: (parent: FileFacts) => Access,
  edge: FileEdge,
): Promise<boolean> {
  return await atPlace(path, edge, async ({ directory, name, facts, path: real }) => {
    if (facts !== undefined) return false;
    const wanted = access(await directory.facts());
    try {
      await directory.makeDirectory(name, wanted.mode);
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
    try {
      if (wanted.platform === 'windows') {
        if (wanted.secret) await edge.acl.restrictDirectory(real);
        return true;
      }
      const made = await directory.open(name, 'r');
      try {
        requireMade(await made.facts(), edge);
        if (wanted.owner !== undefined) await made.chown(wanted.owner.uid, wanted.owner.gid);
        await made.chmod(wanted.mode);
      } finally {
        await made.close();
      }
      await directory.sync();
      return true;
    } catch (error) {
      await directory.removeDirectory(name).catch(() => undefined);
      throw error;
    }
  });
}

/** Whoever may write the directory above may have put something else in its place, which is not ours to give away. */
function requireMade({ kind, uid }: FileFacts, edge: FileEdge): void {
  if (kind !== 'directory') throw new Untouched('another was put in its place');
  if (uid !== edge.uid) throw new Untouched(`it was only just made, and belongs to another user (${uid})`);
}

/** Takes directories away again, the last that was made first; one that something was put into stays. */
export async function removeDirectories(made: readonly string[], edge: FileEdge): Promise<void> {
  for (const path of made.toReversed()) {
    await atPlace(path, edge, (place: Place) => place.directory.removeDirectory(place.name)).catch(() => undefined);
  }
}

/** The directory of a path, as its facts; `undefined`: it is not there. @throws as {@link atPlace} */
export function factsOfParent(path: string, edge: FileEdge): Promise<FileFacts | undefined> {
  return factsOf(dirname(path), edge);
}
