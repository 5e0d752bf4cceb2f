import { constants, existsSync, readFileSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readlink, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.js';

/** What may lie under a name. */
export type FileKind = 'file' | 'directory' | 'link' | 'fifo' | 'socket' | 'device';

/** What is known of a file, a directory or a link, all of it from one look. */
export interface FileFacts {
  readonly kind: FileKind;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, 0o7777 at most. */
  readonly mode: number;
  readonly size: number;
  /** How many names it has. */
  readonly links: number;
  /** Device and inode: two looks that give the same have seen the same thing. */
  readonly identity: string;
  /** When its content was last changed, by the file system's own clock, in nanoseconds since 1970. */
  readonly modified: bigint;
  /** When anything of it was last changed, its name too, likewise. */
  readonly changed: bigint;
}

/** An open file. */
export interface OpenFile {
  facts(): Promise<FileFacts>;
  /** Up to `limit` bytes from `position` (absent: from the start). */
  read(limit: number, position?: number): Promise<Buffer>;
  /** Writes all of it from `position` (in bytes; absent: after what was written last). */
  write(bytes: Uint8Array, position?: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  /** Returns when content and facts are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `r`: read. `r+`: read and write what is there. `wx`: create; fails where the name is taken, be it by a link. */
export type OpenFlag = 'r' | 'r+' | 'wx';

/**
 * A directory that is held open. What is done in it is done in this very directory, whatever its path leads to by then
 * (Linux: by its descriptor; elsewhere the path is looked at again). No name in it is followed: a link is itself.
 */
export interface Directory {
  /** Where it was found, for messages. */
  readonly path: string;
  facts(): Promise<FileFacts>;
  /** Opens a directory in it. Fails with `ENOTDIR` where the name is that of a link. */
  directory(name: string): Promise<Directory>;
  /** Opens a file in it without waiting for anybody, be it a FIFO. Fails with `ELOOP` for a link. */
  open(name: string, flag: OpenFlag, mode?: number): Promise<OpenFile>;
  /** Facts of what has this name, be it a link; `undefined`: nothing has. */
  look(name: string): Promise<FileFacts | undefined>;
  readLink(name: string): Promise<string>;
  list(): Promise<readonly string[]>;
  makeDirectory(name: string, mode: number): Promise<void>;
  removeDirectory(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(name: string): Promise<void>;
  /** Makes what was renamed, made and removed in it durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The file operations that everything here is made of. They fail with Node's system errors (`ENOSPC`, `EROFS`, …), and a
 * test can let any of them fail.
 */
export interface Files {
  /** Opens the root that all paths begin at: `/`, or `C:\`. */
  root(path: string): Promise<Directory>;
  /** Whether a file system, or a single file, is mounted at exactly this path (Linux; elsewhere `false`). */
  isMountPoint(path: string): boolean;
}

/** Linux, open(2): a descriptor of the thing itself, which needs no permission to read it and does nothing to it. */
const O_PATH = 0o10000000;

/**
 * {@link Files} over node:fs.
 *
 * @param byDescriptor whether directories are held by descriptors; else their paths are looked at before each use
 */
export function nodeFiles(byDescriptor = process.platform === 'linux' && existsSync('/proc/self/fd')): Files {
  return {
    root: (path) => openDirectory(path, path, byDescriptor),
    isMountPoint: (path) => process.platform === 'linux' && mountPoints().has(path),
  };
}

async function openDirectory(at: string, path: string, byDescriptor: boolean): Promise<Directory> {
  if (byDescriptor) {
    const handle = await open(at, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const base = () => {
      // The number of one that was closed is soon another's.
      if (handle.fd < 0) throw systemError('EBADF', path);
      return `/proc/self/fd/${handle.fd}`;
    };
    const nothing = async () => {};
    return directoryAt(path, (name) => `${base()}/${name}`, handle, nothing, byDescriptor);
  }
  const before = await factsAt(at);
  if (before.kind !== 'directory') throw systemError('ENOTDIR', path);
  const unmoved = async () => {
    const now = await factsAt(at).catch(() => undefined);
    if (now?.identity !== before.identity) throw systemError('ESTALE', path);
  };
  return directoryAt(path, (name) => join(at, name), undefined, unmoved, byDescriptor);
}

/** @param unmoved fails where the directory has been put away since it was opened, and another lies at its path */
function directoryAt(
  path: string,
  at: (name: string) => string,
  handle: FileHandle | undefined,
  unmoved: () => Promise<void>,
  byDescriptor: boolean,
): Directory {
  const checked = async <T>(work: () => Promise<T>): Promise<T> => {
    await unmoved();
    return await work();
  };
  return {
    path,
    facts: () => (handle === undefined ? checked(() => factsAt(path)) : factsOfHandle(handle)),
    directory: (name) => checked(() => openDirectory(at(name), join(path, name), byDescriptor)),
    open: (name, flag, mode) => checked(async () => openFile(await open(at(name), FLAGS[flag], mode))),
    look: (name) => checked(() => factsIfThere(at(name))),
    readLink: (name) => checked(() => readlink(at(name))),
    list: () => checked(() => readdir(at('.'))),
    makeDirectory: (name, mode) => checked(() => mkdir(at(name), { mode }).then(() => undefined)),
    removeDirectory: (name) => checked(() => rmdir(at(name))),
    rename: (from, to) => checked(() => rename(at(from), at(to))),
    unlink: (name) => checked(() => unlink(at(name))),
    sync: () => checked(() => syncDirectory(at('.'))),
    close: async () => await handle?.close(),
  };
}

// Windows knows none of the three. A terminal that is opened must not become this process's own.
const UNFOLLOWED = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const FLAGS: Readonly<Record<OpenFlag, number>> = {
  r: constants.O_RDONLY | UNFOLLOWED,
  'r+': constants.O_RDWR | UNFOLLOWED,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | UNFOLLOWED,
};

function openFile(handle: FileHandle): OpenFile {
  return {
    facts: () => factsOfHandle(handle),
    read: (limit, position = 0) => readTo(handle, limit, position),
    async write(bytes, position) {
      if (position === undefined) return await handle.writeFile(bytes);
      for (let done = 0; done < bytes.length; ) {
        done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    },
    chown: (uid, gid) => handle.chown(uid, gid),
    chmod: (permissions) => handle.chmod(permissions),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

// The files of /proc say that they are empty, so a size is no reason to stop.
const CHUNK = 64 * 1024;

async function readTo(handle: FileHandle, limit: number, position: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < limit) {
    const chunk = Buffer.alloc(Math.min(CHUNK, limit - length));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position + length);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

/** The fields of node:fs' BigIntStats that {@link FileFacts} are made of. */
interface Stats {
  readonly uid: bigint;
  readonly gid: bigint;
  readonly mode: bigint;
  readonly size: bigint;
  readonly nlink: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

function factsOf(stats: Stats): FileFacts {
  return {
    kind: kindOf(stats),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mode: Number(stats.mode) & 0o7777,
    size: Number(stats.size),
    links: Number(stats.nlink),
    identity: `${stats.dev}:${stats.ino}`,
    modified: stats.mtimeNs,
    changed: stats.ctimeNs,
  };
}

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'link';
  if (stats.isFIFO()) return 'fifo';
  return stats.isSocket() ? 'socket' : 'device';
}

async function factsOfHandle(handle: FileHandle): Promise<FileFacts> {
  return factsOf(await handle.stat({ bigint: true }));
}

async function factsAt(path: string): Promise<FileFacts> {
  return factsOf(await lstat(path, { bigint: true }));
}

async function factsIfThere(path: string): Promise<FileFacts | undefined> {
  try {
    return await factsAt(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Some file systems (network and FUSE ones) and Windows cannot sync a directory, and a directory may be writable but not
 * readable: there it is up to the system.
 */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (!CANNOT_SYNC.has(systemCode(error))) throw error;
  }
}

const CANNOT_SYNC: ReadonlySet<string | undefined> = new Set([
  'EINVAL',
  'ENOTSUP',
  'EACCES',
  'EPERM',
  'EISDIR',
  'EBADF',
]);

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** The fifth field of each line, with blanks and backslashes in octal: proc(5), /proc/pid/mountinfo. */
function mountPoints(): Set<string> {
  let text: string;
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // A sandbox may hide /proc. What a mount would prevent is then seen at the rename.
    return new Set();
  }
  const fields = text.split('\n').map((line) => line.split(' ')[4] ?? '');
  return new Set(fields.map((f) => f.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))));
}
