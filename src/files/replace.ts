import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { systemCode } from '../errors.js';
import type { KeystoreEdge } from './file-edge.js';
import { refused, undurable } from './file-error.js';
import { type FileFacts, syncDirectoryOf } from './files.js';

/** Numeric owner of a file (Unix). */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How a new file may be used. */
export interface Access {
  readonly platform: 'unix' | 'windows';
  /** Permission bits (Unix). */
  readonly mode: number;
  /** Absent: whoever runs this. */
  readonly owner?: Owner;
  /** Whether, on Windows, the file is for Administrators and SYSTEM alone; else it inherits from its directory. */
  readonly secret: boolean;
}

/** A place that a file is to be written to: the path at the end of all symbolic links, and what is there now. */
export interface Target {
  readonly path: string;
  /** Absent: nothing is there. */
  readonly facts?: FileFacts;
}

const MAX_LINKS = 40;

/**
 * Follows symbolic links, so that a link that an administrator made stays one and its target is replaced. In a
 * directory that the agent's user may write to, a link of that user's could make root overwrite any file: only links of
 * root's own and of whoever runs this are followed.
 *
 * @throws EnrollError FILE_UNWRITABLE for a link of somebody else; otherwise the system's error
 */
export async function resolveTarget(path: string, { files, uid }: KeystoreEdge): Promise<Target> {
  let current = path;
  for (let hops = 0; hops < MAX_LINKS; hops += 1) {
    const facts = await existing(files.lstat(current));
    if (facts === undefined) return { path: current };
    if (facts.kind !== 'link') return { path: current, facts };
    if (uid !== undefined && facts.uid !== 0 && facts.uid !== uid) {
      throw refused(
        path,
        'it is a symbolic link that belongs to another user',
        'Replace the link by a file, or by a link of root.',
      );
    }
    const link = await files.readLink(current);
    // Not normalized: ".." behind a linked directory is the system's to resolve.
    current = isAbsolute(link) ? link : dirname(current) + sep + link;
  }
  throw refused(path, 'its symbolic links lead in a circle');
}

/** The outcome of a look at a path, or `undefined` if nothing is there. */
export async function existing<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Puts a file in place of `path`, at once: whoever opens it at any moment, and whoever finds it after the power failed,
 * has the old content or the new, whole. A failure leaves the old file and no other. The path must not be a symbolic
 * link: see {@link resolveTarget}.
 *
 * It takes no signal: it is soon done, and a key that was obtained is worth more than the time.
 *
 * @throws the system's error, or an Error in words where the ACL cannot be set: nothing was changed.
 * EnrollError FILE_UNWRITABLE where the new file is in place, but not known to be durable
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  access: Access,
  edge: KeystoreEdge,
): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  const temporary = await writeTemporary(path, bytes, access, edge);
  try {
    await renameOver(temporary, path, access.platform, edge);
  } catch (error) {
    await quietly(edge.files.unlink(temporary));
    throw error;
  }
  if (access.platform === 'windows') return;
  try {
    await syncDirectoryOf(path, edge.files);
  } catch (error) {
    throw undurable(path, error);
  }
}

// More than any file of the keystore takes up, so that a full disk is noticed; it holds nothing.
const PROBE = Buffer.alloc(4096);

/**
 * Does all that {@link replaceFile} does but the rename, and takes it back.
 *
 * @throws as {@link replaceFile}
 */
export async function rehearse(path: string, access: Access, edge: KeystoreEdge): Promise<void> {
  await edge.files.unlink(await writeTemporary(path, PROBE, access, edge));
}

/** The new file, beside the one that it is to replace, on the disk and closed. */
async function writeTemporary(path: string, bytes: Uint8Array, access: Access, edge: KeystoreEdge): Promise<string> {
  const { files, acl, pid } = edge;
  const temporary = join(dirname(path), `.${basename(path)}.agent-enroll-${pid}-${edge.token()}.tmp`);
  const file = await files.open(temporary, 'wx', access.mode);
  let closed = false;
  try {
    if (access.platform === 'unix') {
      const facts = await file.facts();
      const { owner, mode } = access;
      if (owner !== undefined && (facts.uid !== owner.uid || facts.gid !== owner.gid)) {
        await file.chown(owner.uid, owner.gid);
      }
      // The umask may have taken bits away.
      if ((facts.mode & 0o777) !== mode) await file.chmod(mode);
    } else if (access.secret) {
      await acl.restrict(temporary);
    }
    await file.write(bytes);
    await file.sync();
    closed = true;
    await file.close();
    return temporary;
  } catch (error) {
    if (!closed) await quietly(file.close());
    await quietly(files.unlink(temporary));
    throw error;
  }
}

/** On Windows a file that another process (an agent, a virus scanner) is reading cannot be replaced for that moment. */
const MAY_PASS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES', 'EBUSY']);
const PATIENCE_MS = 3000;

async function renameOver(from: string, to: string, platform: Access['platform'], edge: KeystoreEdge): Promise<void> {
  const until = edge.now() + PATIENCE_MS;
  for (let ms = 10; ; ms = Math.min(2 * ms, 160)) {
    try {
      await edge.files.rename(from, to);
      return;
    } catch (error) {
      if (platform === 'unix' || !MAY_PASS.has(systemCode(error)) || edge.now() >= until) throw error;
    }
    await edge.pause(ms);
  }
}

const TEMPORARY = /^\.(.+)\.agent-enroll-(\d{1,10})-[0-9a-f]{8}\.tmp$/;
const OLD_MS = 60 * 60 * 1000;

/**
 * Removes what killed runs left beside `path`: temporary files of processes that are gone, of an earlier process with
 * this one's number (in a container it is often the same), and any that is an hour old, whose process number somebody
 * else may have by now. What cannot be removed stays: it is in nobody's way.
 */
export async function removeLeftovers(path: string, edge: KeystoreEdge): Promise<void> {
  const { files } = edge;
  const directory = dirname(path);
  const names = await files.list(directory).catch(() => []);
  for (const name of names) {
    const [, base, digits] = TEMPORARY.exec(name) ?? [];
    if (base !== basename(path) || digits === undefined) continue;
    const pid = Number(digits);
    const leftover = join(directory, name);
    const facts = await files.lstat(leftover).catch(() => undefined);
    if (facts === undefined || facts.kind === 'directory') continue;
    const dead = pid === edge.pid ? facts.modified < edge.startedAt : !edge.isRunning(pid);
    if (dead || facts.modified < edge.now() - OLD_MS) await quietly(files.unlink(leftover));
  }
}

/**
 * Makes a directory with exactly this mode and owner.
 *
 * @throws the system's error; then no directory was made
 */
export async function createDirectory(path: string, access: Omit<Access, 'secret'>, edge: KeystoreEdge): Promise<void> {
  const { files } = edge;
  await files.makeDirectory(path, access.mode);
  if (access.platform === 'windows') return;
  try {
    const directory = await files.open(path, 'r');
    try {
      if (access.owner !== undefined) await directory.chown(access.owner.uid, access.owner.gid);
      await directory.chmod(access.mode);
    } finally {
      await directory.close();
    }
    await syncDirectoryOf(path, files);
  } catch (error) {
    await quietly(files.removeDirectory(path));
    throw error;
  }
}

/** Waits for a clean-up whose failure must not hide the failure that it follows. */
async function quietly(cleaning: Promise<unknown>): Promise<void> {
  await cleaning.catch(() => undefined);
}
