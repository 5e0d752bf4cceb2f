import { systemCode } from '../errors.js';
import type { FileEdge } from './file-edge.js';
import { Untouched, unreadable } from './file-error.js';
import type { FileFacts, FileKind, OpenFile } from './files.js';
import { atPlace, canOthersWrite, type Place } from './place.js';

/** What a file must be to be read. */
export interface ReadRules {
  /** The most bytes that it may have. */
  readonly limit: number;
  /**
   * Whose it may be, beside root's, where root runs this: what root reads decides what it does and sends. An
   * unprivileged user can be told nothing by others that they could not have told directly.
   */
  readonly owners: 'anyone' | readonly number[];
}

/** For settings, passwords, tokens and keys: where root runs, root's alone. */
export const ROOT_ONLY: ReadRules['owners'] = [];

/** A file that was read. All facts come from the descriptor that the bytes were read from. */
export interface ReadFile {
  readonly bytes: Buffer;
  /** Where it lies: the path without a link in it. */
  readonly path: string;
  readonly facts: FileFacts;
  /** Of the directory that it was opened in. */
  readonly directory: FileFacts;
}

/**
 * Reads a whole file; `undefined`: there is none. Here every file that this program reads is opened: once, without
 * following a link that is not trusted (see {@link atPlace}), without waiting for a writer, and what is known of it comes
 * from that one descriptor.
 *
 * @throws EnrollError `FILE_UNREADABLE` for what is no regular file, has a second name that somebody else may have given
 * it, is too large, or belongs to somebody whose word does not count here
 */
export async function readFile(path: string, rules: ReadRules, edge: FileEdge): Promise<ReadFile | undefined> {
  try {
    return await atPlace(path, edge, (place) => readPlace(place, rules, edge));
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, thrown);
  }
}

/**
 * As {@link readFile}, in a place that was gone to already; `undefined`: nothing is there.
 * @throws Untouched, and the system's error
 */
export async function readPlace(place: Place, rules: ReadRules, edge: FileEdge): Promise<ReadFile | undefined> {
  const file = await openToRead(place, rules, edge);
  if (file === undefined) return undefined;
  const { open, facts, around } = file;
  try {
    const bytes = await open.read(rules.limit + 1);
    if (bytes.length > rules.limit) {
      throw new Untouched(`it is larger than ${size(rules.limit)}`, 'This is most likely another file than was meant.');
    }
    return { bytes, path: place.path, facts, directory: around };
  } finally {
    await open.close();
  }
}

interface Opened {
  readonly open: OpenFile;
  readonly facts: FileFacts;
  /** Of the directory that it was opened in. */
  readonly around: FileFacts;
}

/** Opens what lies in a place, once it is certain that it may be read; whoever asks closes it. */
async function openToRead(place: Place, rules: ReadRules, edge: FileEdge): Promise<Opened | undefined> {
  const { directory, name, facts: seen } = place;
  if (seen === undefined) return undefined;
  // Even to open a device can do something.
  requireFile(seen);
  const around = await directory.facts();
  const open = await openIfThere(place, name);
  if (open === undefined) return undefined;
  try {
    const facts = await open.facts();
    requireFile(facts);
    requireOneName(facts, around, edge);
    requireOwner(facts, rules, edge);
    return { open, facts, around };
  } catch (thrown) {
    await open.close();
    throw thrown;
  }
}

/** The end of a file that grows, such as a log. */
export interface FileTail {
  readonly bytes: Buffer;
  /** Whether it is the whole file. */
  readonly whole: boolean;
}

/**
 * Reads the last `limit` bytes of a file, whoever's it is, under the same care as {@link readFile}: for text that is shown
 * and decides nothing. `undefined`: there is none.
 *
 * @throws EnrollError `FILE_UNREADABLE`
 */
export async function readTail(path: string, limit: number, edge: FileEdge): Promise<FileTail | undefined> {
  try {
    return await atPlace(path, edge, async (place) => {
      const file = await openToRead(place, { limit, owners: 'anyone' }, edge);
      if (file === undefined) return undefined;
      try {
        const start = Math.max(0, file.facts.size - limit);
        return { bytes: await file.open.read(limit, start), whole: start === 0 };
      } finally {
        await file.open.close();
      }
    });
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, thrown);
  }
}

async function openIfThere({ directory }: Place, name: string): Promise<OpenFile | undefined> {
  try {
    return await directory.open(name, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const KINDS: Readonly<Record<Exclude<FileKind, 'file'>, string>> = {
  directory: 'it is a directory',
  link: 'a symbolic link was put in its place',
  fifo: 'it is a FIFO (named pipe) and no regular file',
  socket: 'it is a socket and no regular file',
  device: 'it is a device and no regular file',
};

/** @throws Untouched unless it is a regular file */
export function requireFile({ kind }: FileFacts): void {
  if (kind !== 'file') throw new Untouched(KINDS[kind]);
}

/**
 * A second name of a file that lies elsewhere, given by whoever may write this directory, would make that file's content
 * pass for this one's, or what is done to this one be done to that.
 *
 * @throws Untouched
 */
export function requireOneName({ links }: FileFacts, directory: FileFacts, edge: FileEdge): void {
  if (links < 2 || !canOthersWrite(directory, edge)) return;
  throw new Untouched(
    `it has ${links} names (hard links), and others than root can give names in its directory`,
    'Make a copy of it, and put the copy in its place.',
  );
}

function requireOwner({ uid }: FileFacts, { owners }: ReadRules, { uid: own }: FileEdge): void {
  if (own !== 0 || uid === 0 || owners === 'anyone' || owners.includes(uid)) return;
  throw new Untouched(
    `it belongs to user ${uid}, and root takes the word of root's files alone`,
    'If its content is right, give it to root: chown root.',
  );
}

function size(bytes: number): string {
  return bytes < 1024 ? `${bytes} bytes` : bytes < 1024 * 1024 ? `${bytes / 1024} KiB` : `${bytes / 1024 / 1024} MiB`;
}
