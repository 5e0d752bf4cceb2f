import { readFileSync } from 'node:fs';
import { lstat, mkdir, open, readdir, readlink, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What the keystore wants to know about a file. */
export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, 0o7777 at most. */
  readonly mode: number;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** An open file. */
export interface OpenFile {
  facts(): Promise<FileFacts>;
  /** Up to `limit` bytes from the start. */
  read(limit: number): Promise<Buffer>;
  write(bytes: Uint8Array): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  /** Returns when content and facts are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `r`: read. `r+`: read and write what is there. `wx`: create; fails where the name is taken, be it by a link. */
export type OpenFlag = 'r' | 'r+' | 'wx';

/**
 * The file operations that the keystore is made of. They fail with Node's system errors (`ENOSPC`, `EROFS`, …), and a
 * test can let any of them fail.
 */
export interface Files {
  open(path: string, flag: OpenFlag, mode?: number): Promise<OpenFile>;
  /** Facts of what the path leads to. */
  stat(path: string): Promise<FileFacts>;
  /** Facts of the path itself, be it a symbolic link. */
  lstat(path: string): Promise<FileFacts>;
  readLink(path: string): Promise<string>;
  list(directory: string): Promise<readonly string[]>;
  makeDirectory(path: string, mode: number): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Whether a file system, or a single file, is mounted at exactly this path (Linux; elsewhere `false`). */
  isMountPoint(path: string): boolean;
}

/** {@link Files} over node:fs. */
export const nodeFiles: Files = {
  async open(path, flag, mode) {
    const handle = await open(path, flag, mode);
    return {
      facts: async () => factsOf(await handle.stat()),
      async read(limit) {
        const buffer = Buffer.alloc(limit);
        let length = 0;
        while (length < limit) {
          const { bytesRead } = await handle.read(buffer, length, limit - length, length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        return buffer.subarray(0, length);
      },
      write: (bytes) => handle.writeFile(bytes),
      chown: (uid, gid) => handle.chown(uid, gid),
      chmod: (permissions) => handle.chmod(permissions),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  stat: async (path) => factsOf(await stat(path)),
  lstat: async (path) => factsOf(await lstat(path)),
  readLink: (path) => readlink(path),
  list: (directory) => readdir(directory),
  makeDirectory: async (path, mode) => {
    await mkdir(path, { mode });
  },
  removeDirectory: (path) => rmdir(path),
  rename: (from, to) => rename(from, to),
  unlink: (path) => unlink(path),
  isMountPoint: (path) => process.platform === 'linux' && mountPoints().has(path),
};

/** The fields of node:fs' Stats that {@link FileFacts} are made of. */
interface Stats {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function factsOf(stats: Stats): FileFacts {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'other';
  const { uid, gid, size, mtimeMs: modified } = stats;
  return { kind, uid, gid, mode: stats.mode & 0o7777, size, modified };
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

/** The text of a whole small file. `undefined`: it has more than `limit` bytes. Fails as {@link Files.open} does. */
export async function readSmall(path: string, limit: number, files: Files): Promise<string | undefined> {
  const file = await files.open(path, 'r');
  try {
    const bytes = await file.read(limit + 1);
    return bytes.length > limit ? undefined : bytes.toString('utf8');
  } finally {
    await file.close();
  }
}

/**
 * Makes a rename in this file's directory durable. Some file systems (network and FUSE ones) and Windows cannot sync a
 * directory, and a directory may be writable but not readable: there it is up to the system.
 */
export async function syncDirectoryOf(path: string, files: Files): Promise<void> {
  try {
    const directory = await files.open(dirname(path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (!CANNOT_SYNC.has(error instanceof Error && 'code' in error ? error.code : undefined)) throw error;
  }
}

const CANNOT_SYNC: ReadonlySet<unknown> = new Set(['EINVAL', 'ENOTSUP', 'EACCES', 'EPERM', 'EISDIR', 'EBADF']);
