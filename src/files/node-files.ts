import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readlink, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import type { Directory, FileFacts, FileKind, Files, OpenFile, OpenFlag } from './files.js';
import { isLocal, mountPoints } from './mounts.js';
import { pathBelow } from './plain-path.js';

/** Linux, open(2): a descriptor of the thing itself, which needs no permission to read it and does nothing to it. */
const O_PATH = 0o10000000;

/**
 * {@link Files} over node:fs.
 *
 * @param byDescriptor whether directories are held by descriptors; else their paths are looked at before each use
 * @param mounts where something is mounted, as it is now; `undefined`: nobody tells
 */
export function nodeFiles(
  byDescriptor = process.platform === 'linux' && existsSync('/proc/self/fd'),
  mounts: () => ReadonlySet<string> | undefined = process.platform === 'linux' ? mountPoints : () => undefined,
): Files {
  const disk = byDescriptor ? new Disk(mounts()) : undefined;
  return {
    root: (path) => (disk === undefined ? namedDirectory(path, path) : disk.root(path)),
    isMountPoint: (path) => mounts()?.has(path) === true,
  };
}

/** A directory's descriptor: a FileHandle, or one that was opened at once. */
interface Held {
  readonly fd: number;
  stat(options: { readonly bigint: true }): Promise<Stats>;
  close(): Promise<void>;
}

/**
 * Directories that are held by descriptors. On a local file system a look at a name takes microseconds, and handing it to
 * another thread many times as long: there it is made at once. On all others it may last for ever, and a thread makes
 * it, which can be left behind.
 */
class Disk {
  readonly #mounts: ReadonlySet<string> | undefined;
  #rootIsLocal: Promise<boolean> | undefined;

  constructor(mounts: ReadonlySet<string> | undefined) {
    this.#mounts = mounts;
  }

  async root(path: string): Promise<Directory> {
    this.#rootIsLocal ??= isLocal(path);
    const local = await this.#rootIsLocal;
    return this.#directory(path, local ? heldAtOnce(path) : await open(path, HOLD), local);
  }

  /** Whether a name in a local directory is in its file system too, so that looking at it does not wait. */
  #isInIt(path: string, name: string, local: boolean): boolean {
    // What is above a mount may be anything.
    return local && name !== '..' && this.#mounts?.has(pathBelow(path, name)) === false;
  }

  async #child(at: string, path: string, inIt: boolean): Promise<Directory> {
    if (inIt) return this.#directory(path, heldAtOnce(at), true);
    const handle = await open(at, HOLD);
    return this.#directory(path, handle, await isLocal(`/proc/self/fd/${handle.fd}`));
  }

  #directory(path: string, handle: Held, local: boolean): Directory {
    const at = (name: string) => {
      // The number of one that was closed is soon another's.
      if (handle.fd < 0) throw systemError('EBADF', path);
      return `/proc/self/fd/${handle.fd}/${name}`;
    };
    return {
      ...directoryAt(path, at, async (work) => await work()),
      facts: async () => {
        at('.');
        return await factsOfHandle(handle);
      },
      directory: async (name) => await this.#child(at(name), pathBelow(path, name), this.#isInIt(path, name, local)),
      look: async (name) => {
        if (!this.#isInIt(path, name, local)) return await factsIfThere(at(name));
        const stats = lstatSync(at(name), { bigint: true, throwIfNoEntry: false });
        return stats === undefined ? undefined : factsOf(stats);
      },
      close: () => handle.close(),
    };
  }
}

const HOLD = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

function heldAtOnce(at: string): Held {
  let fd = openSync(at, HOLD);
  return {
    get fd() {
      return fd;
    },
    stat: async (options) => fstatSync(fd, options),
    async close() {
      if (fd < 0) return;
      const closing = fd;
      fd = -1;
      closeSync(closing);
    },
  };
}

/** A directory that has its path alone, which is looked at before each use. */
async function namedDirectory(at: string, path: string): Promise<Directory> {
  const before = await factsAt(at);
  if (before.kind !== 'directory') throw systemError('ENOTDIR', path);
  const unmoved: Checked = async (work) => {
    const now = await factsAt(at).catch(() => undefined);
    if (now?.identity !== before.identity) throw systemError('ESTALE', path);
    return await work();
  };
  const under = (name: string) => join(at, name);
  return {
    ...directoryAt(path, under, unmoved),
    facts: () => unmoved(() => factsAt(path)),
    directory: (name) => unmoved(() => namedDirectory(under(name), join(path, name))),
    look: (name) => unmoved(() => factsIfThere(under(name))),
    close: async () => {},
  };
}

type Checked = <T>(work: () => Promise<T>) => Promise<T>;

/** @param checked does some work unless the directory was put away since it was opened, and another lies at its path */
function directoryAt(path: string, at: (name: string) => string, checked: Checked) {
  return {
    path,
    open: (name, flag, mode) => checked(async () => openFile(await open(at(name), FLAGS[flag], mode))),
    readLink: (name) => checked(() => readlink(at(name))),
    list: () => checked(() => readdir(at('.'))),
    makeDirectory: (name, mode) => checked(() => mkdir(at(name), { mode }).then(() => undefined)),
    removeDirectory: (name) => checked(() => rmdir(at(name))),
    rename: (from, to) => checked(() => rename(at(from), at(to))),
    unlink: (name) => checked(() => unlink(at(name))),
    sync: () => checked(() => syncDirectory(at('.'))),
  } satisfies Partial<Directory>;
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

async function factsOfHandle(handle: Pick<Held, 'stat'>): Promise<FileFacts> {
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
