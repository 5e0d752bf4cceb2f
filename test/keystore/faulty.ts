import type { KeystoreEdge } from '../../src/files/file-edge.js';
import type { Files, OpenFile } from '../../src/files/files.js';

/** Called before each file operation with its name and path; what it throws is the operation's failure. */
export type Before = (operation: string, path: string) => void;

/** A system error as node:fs throws them. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}

/** An edge whose every file operation is announced first, and may fail. A write that fails has written one half. */
export function watched(edge: KeystoreEdge, before: Before): KeystoreEdge {
  const files = watchedFiles(edge.files, before);
  return { ...edge, files, acl: { restrict: async (path) => before('acl', path) } };
}

/** An edge that does not wait for the disk: for tests that run often and cut no power. */
export function unsynced(edge: KeystoreEdge): KeystoreEdge {
  const open: Files['open'] = async (path, flag, mode) => {
    return { ...(await edge.files.open(path, flag, mode)), sync: async () => undefined };
  };
  return { ...edge, files: { ...edge.files, open } };
}

function watchedFiles(real: Files, before: Before): Files {
  return {
    async open(path, flag, mode) {
      before(`open ${flag}`, path);
      return watchedFile(await real.open(path, flag, mode), path, before);
    },
    async stat(path) {
      before('stat', path);
      return real.stat(path);
    },
    async lstat(path) {
      before('lstat', path);
      return real.lstat(path);
    },
    async readLink(path) {
      before('readLink', path);
      return real.readLink(path);
    },
    async list(path) {
      before('list', path);
      return real.list(path);
    },
    async makeDirectory(path, mode) {
      before('makeDirectory', path);
      return real.makeDirectory(path, mode);
    },
    async removeDirectory(path) {
      before('removeDirectory', path);
      return real.removeDirectory(path);
    },
    async rename(from, to) {
      before('rename', to);
      return real.rename(from, to);
    },
    async unlink(path) {
      before('unlink', path);
      return real.unlink(path);
    },
    isMountPoint: (path) => real.isMountPoint(path),
  };
}

function watchedFile(real: OpenFile, path: string, before: Before): OpenFile {
  return {
    async facts() {
      before('facts', path);
      return real.facts();
    },
    async read(limit) {
      before('read', path);
      return real.read(limit);
    },
    async write(bytes) {
      try {
        before('write', path);
      } catch (error) {
        await real.write(bytes.subarray(0, bytes.length / 2));
        throw error;
      }
      return real.write(bytes);
    },
    async chown(uid, gid) {
      before('chown', path);
      return real.chown(uid, gid);
    },
    async chmod(mode) {
      before('chmod', path);
      return real.chmod(mode);
    },
    async sync() {
      before('sync', path);
      return real.sync();
    },
    async close() {
      await real.close();
      before('close', path);
    },
  };
}
