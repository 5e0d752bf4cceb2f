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
