import { parse, resolve, sep } from 'node:path';
import { systemCode } from '../errors.js';
import type { FileEdge } from './file-edge.js';
import { Untouched } from './file-error.js';
import type { Directory, FileFacts } from './files.js';
import { absolutePath, pathBelow } from './plain-path.js';

/** Where a path leads to: a name in a directory that is held open. Nothing else stands between the two and the disk. */
export interface Place {
  readonly directory: Directory;
  readonly name: string;
  /** The path that led here without a link, for messages. */
  readonly path: string;
  /** What has this name; absent: nothing has. It is never a link. */
  readonly facts?: FileFacts;
}

const MOST_LINKS = 40;
// Windows takes both.
const SEPARATORS = sep === '/' ? '/' : /[\\/]/;

/**
 * Goes to where a path leads, directory by directory, each held open while the next is opened in it, and does some work
 * there. Links of root's and of whoever runs this are followed, so that what an administrator has linked stays linked; a
 * link of anybody else could make root read or overwrite any file, wherever in the path it stands.
 *
 * @throws Untouched for a link of somebody else's; otherwise the system's error, or what the work throws
 */
export async function atPlace<T>(path: string, edge: FileEdge, work: (place: Place) => Promise<T>): Promise<T> {
  const whole = absolutePath(path);
  const { root } = parse(whole);
  const names = whole.slice(root.length).split(sep).filter(Boolean);
  let here = await edge.files.root(root);
  try {
    for (let links = 0; ; ) {
      const name = names.shift() ?? '.';
      const last = names.length === 0;
      const found = last ? await here.look(name) : undefined;
      if (last && found?.kind !== 'link') {
        const place = {
          directory: here,
          name,
          path: pathBelow(here.path, name),
          ...(found === undefined ? {} : { facts: found }),
        };
        return await work(place);
      }
      const next = last ? undefined : await directoryIn(here, name);
      if (next !== undefined) {
        here = await instead(here, next);
        continue;
      }
      links += 1;
      if (links > MOST_LINKS) throw new Untouched('its symbolic links lead in a circle');
      const target = await readTrustedLink(here, name, edge);
      // Not normalized: ".." behind a linked directory is the system's to resolve.
      const top = parse(target).root;
      names.unshift(...target.slice(top.length).split(SEPARATORS).filter(isName));
      if (top !== '') here = await instead(here, await edge.files.root(resolve(here.path, top)));
    }
  } finally {
    await here.close().catch(() => undefined);
  }
}

function isName(part: string): boolean {
  return part !== '' && part !== '.';
}

async function instead(before: Directory, next: Directory): Promise<Directory> {
  await before.close().catch(() => undefined);
  return next;
}

/** The directory of this name; `undefined`: it is a link. */
async function directoryIn(here: Directory, name: string): Promise<Directory | undefined> {
  try {
    return await here.directory(name);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
    const now = await here.look(name);
    if (now?.kind === 'link') return undefined;
    // That there is no file is believed of a path that stands still.
    if (now?.kind === 'directory') throw new Untouched('what lies in its path is being changed all the time');
    throw error;
  }
}

/** So long the clock of a file system may stand still between two ticks, and no longer. */
const TICK_MS = 20;
/** Of one that notes whole seconds. */
const SECONDS_TICK_MS = 1100;
const TRIES = 5;

/**
 * Where a link of somebody who is trusted leads to.
 *
 * A link can only be read by its name, and in a directory that others can write the name may be given to another link
 * and back, between a look and the reading. Each renaming sets the time of the link's last change, in ticks of some
 * milliseconds (old file systems: of a second): where a tick lies between the look and the reading, the renaming back
 * is seen at the look that follows.
 */
async function readTrustedLink(here: Directory, name: string, edge: FileEdge): Promise<string> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const before = await here.look(name);
    if (before?.kind !== 'link') continue;
    await requireTrusted(before, pathBelow(here.path, name), edge);
    if (canOthersWrite(await here.facts(), edge)) {
      requireOneName(before, pathBelow(here.path, name));
      await edge.pause(before.changed % 1_000_000_000n === 0n ? SECONDS_TICK_MS : TICK_MS);
    }
    const target = await here.readLink(name);
    if (same(before, await here.look(name))) return target;
  }
  throw new Untouched('what lies in its place is being changed all the time');
}

function same(before: FileFacts, now: FileFacts | undefined): boolean {
  return now?.identity === before.identity && now.changed === before.changed;
}

async function requireTrusted({ uid }: FileFacts, path: string, edge: FileEdge): Promise<void> {
  if (edge.uid === undefined) {
    if (await edge.acl.isAdministrators(path)) return;
    throw new Untouched(
      `${path} is a link, and it is not certain that it belongs to the administrators`,
      'Replace the link by a file or directory, or make it again as Administrator.',
    );
  }
  if (uid === 0 || uid === edge.uid) return;
  throw new Untouched(
    `${path} is a symbolic link that belongs to another user (${uid})`,
    'Replace the link by a file or directory, or by a link of root.',
  );
}

/** Where others can give names, a second name of a link that is trusted where it lies may have been given by them. */
function requireOneName({ links }: FileFacts, path: string): void {
  if (links < 2) return;
  throw new Untouched(
    `${path} is a symbolic link with ${links} names (hard links), and others than root can give names in its directory`,
    'Remove it, and make it again.',
  );
}

/** Whether others than root and whoever runs this can rename and remove in a directory, or write a file. */
export function canOthersWrite({ uid, gid, mode }: FileFacts, { uid: own }: Pick<FileEdge, 'uid'>): boolean {
  // Windows tells by its ACLs, which Node does not show.
  if (own === undefined) return false;
  return (uid !== 0 && uid !== own) || (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
}
