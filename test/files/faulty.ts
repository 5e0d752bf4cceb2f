import { join } from 'node:path';
import type { FileEdge } from '../../src/files/file-edge.js';
import type { Directory, Files, OpenFile } from '../../src/files/files.js';

/**
 * Called before each file operation with its name and path; what it throws is the operation's failure. The names are
 * those of {@link Files}, {@link Directory} and {@link OpenFile}, but for these: an `open` with its flag ("open wx"), what
 * both files and directories have ("facts" and "facts of directory", "sync" and "sync directory", "close" and "close
 * directory"), and the three of the ACL ("acl", "acl of directory", "acl owner").
 */
export type Before = (operation: string, path: string) => void | Promise<void>;

/** A system error as node:fs throws them. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}

/**
 * An edge whose every file operation is announced first, and may fail. A write that fails has written one half.
 *
 * @param after called when the operation is done: what it throws is as if its answer had been lost
 */
export function watched(edge: FileEdge, before: Before, after: Before = () => {}): FileEdge {
  const told: Told = async (operation, path, work) => {
    await before(operation, path);
    const result = await work();
    await after(operation, path);
    return result;
  };
  const files: Files = {
    root: (path) => told('root', path, async () => watchedDirectory(await edge.files.root(path), told)),
    isMountPoint: (path) => edge.files.isMountPoint(path),
  };
  return { ...edge, files, acl: watchedAcl(told) };
}

type Told = <T>(operation: string, path: string, work: () => Promise<T>) => Promise<T>;

/** An edge that does not wait for the disk: for tests that run often and cut no power. */
export function unsynced(edge: FileEdge): FileEdge {
  const directory = (real: Directory): Directory => ({
    ...real,
    directory: async (name) => directory(await real.directory(name)),
    open: async (name, flag, mode) => ({ ...(await real.open(name, flag, mode)), sync: async () => undefined }),
    sync: async () => undefined,
  });
  return { ...edge, files: { ...edge.files, root: async (path) => directory(await edge.files.root(path)) } };
}

/** No test runs icacls: what would be asked of it is announced, and well. */
function watchedAcl(told: Told): FileEdge['acl'] {
  const well = async () => {};
  return {
    restrict: (path) => told('acl', path, well),
    restrictDirectory: (path) => told('acl of directory', path, well),
    isAdministrators: (path) => told('acl owner', path, async () => true),
  };
}

function watchedDirectory(real: Directory, told: Told): Directory {
  const { path } = real;
  const at = (name: string) => join(path, name);
  return {
    path,
    facts: () => told('facts of directory', path, () => real.facts()),
    directory: (name) => told('directory', at(name), async () => watchedDirectory(await real.directory(name), told)),
    open: (name, flag, mode) =>
      told(`open ${flag}`, at(name), async () => watchedFile(await real.open(name, flag, mode), at(name), told)),
    look: (name) => told('look', at(name), () => real.look(name)),
    readLink: (name) => told('readLink', at(name), () => real.readLink(name)),
    list: () => told('list', path, () => real.list()),
    makeDirectory: (name, mode) => told('makeDirectory', at(name), () => real.makeDirectory(name, mode)),
    removeDirectory: (name) => told('removeDirectory', at(name), () => real.removeDirectory(name)),
    rename: (from, to) => told('rename', at(to), () => real.rename(from, to)),
    unlink: (name) => told('unlink', at(name), () => real.unlink(name)),
    sync: () => told('sync directory', path, () => real.sync()),
    async close() {
      await real.close();
      await told('close directory', path, async () => {});
    },
  };
}

function watchedFile(real: OpenFile, path: string, told: Told): OpenFile {
  return {
    facts: () => told('facts', path, () => real.facts()),
    read: (limit, position) => told('read', path, () => real.read(limit, position)),
    async write(bytes, position) {
      let written = 0;
      try {
        await told('write', path, async () => {
          await real.write(bytes, position);
          written = bytes.length;
        });
      } catch (error) {
        if (written === 0) await real.write(bytes.subarray(0, bytes.length / 2), position);
        throw error;
      }
    },
    chown: (uid, gid) => told('chown', path, () => real.chown(uid, gid)),
    chmod: (mode) => told('chmod', path, () => real.chmod(mode)),
    sync: () => told('sync', path, () => real.sync()),
    async close() {
      await real.close();
      await told('close', path, async () => {});
    },
  };
}
