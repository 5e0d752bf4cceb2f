import { systemCode } from '../errors.js';
import { type Access, isAsWanted } from './access.js';
import type { FileEdge } from './file-edge.js';
import { UndurableError, Untouched } from './file-error.js';
import type { FileFacts, OpenFile } from './files.js';
import type { Place } from './place.js';
import { requireFile, requireOneName } from './read.js';

/**
 * Puts a file in a place, at once: whoever opens it at any moment, and whoever finds it after the power failed, has the
 * old content or the new, whole. A failure leaves the old file and no other.
 *
 * It takes no signal: it is soon done, and a key that was obtained is worth more than the time.
 *
 * @throws the system's error, or an Error in words where the ACL cannot be set: nothing was changed.
 * EnrollError FILE_UNWRITABLE where the new file is in place, but not known to be durable
 */
export async function replaceFile(
  place: Place,
  content: string | Uint8Array,
  access: Access,
  edge: FileEdge,
): Promise<void> {
  await (await stageFile(place, content, access, edge)).commit();
}

/** A new file, whole and on the disk, beside the one whose place it is to take. */
export interface StagedFile {
  /**
   * Puts it in its place, at once.
   * @param otherwise what becomes of it where it cannot be put there
   * @throws as {@link replaceFile}
   */
  commit(otherwise?: 'removed' | 'left'): Promise<void>;
  /** Removes it. What cannot be removed stays: it is in nobody's way. */
  discard(): Promise<void>;
}

/**
 * The first half of {@link replaceFile}, for what is to take its place together with other files. Either of the two that it
 * gives has to follow.
 *
 * @throws as {@link replaceFile}; nothing was left then
 */
export async function stageFile(
  place: Place,
  content: string | Uint8Array,
  access: Access,
  edge: FileEdge,
): Promise<StagedFile> {
  const bytes = Buffer.from(content);
  const temporary = await writeTemporary(place, bytes, access, edge);
  return {
    commit: (otherwise = 'removed') => commit(temporary, place, access, edge, otherwise),
    async discard() {
      await quietly(place.directory.unlink(temporary.name));
      await quietly(temporary.file.close());
    },
  };
}

async function commit(
  temporary: Temporary,
  place: Place,
  access: Access,
  edge: FileEdge,
  otherwise: 'removed' | 'left',
): Promise<void> {
  try {
    await renameOver(temporary.name, place, access.platform, edge);
    // The file is held open until here, so that no other can have its identity.
    if (access.platform === 'unix' && (await lookAgain(place))?.identity !== temporary.identity) {
      throw new Untouched('another process removed it, or put another in its place, at the same time');
    }
  } catch (error) {
    if (otherwise === 'removed') await quietly(place.directory.unlink(temporary.name));
    throw error;
  } finally {
    await quietly(temporary.file.close());
  }
  if (access.platform === 'windows') return;
  try {
    await place.directory.sync();
  } catch (error) {
    throw new UndurableError(place.path, error);
  }
}

async function lookAgain({ directory, name, path }: Place): Promise<FileFacts | undefined> {
  try {
    return await directory.look(name);
  } catch (error) {
    throw new UndurableError(path, error);
  }
}

// More than what belongs to one key takes up together, so that a full disk is noticed; it holds nothing.
const PROBE = Buffer.alloc(16_384);

/**
 * Does all that {@link replaceFile} does but the rename, and takes it back.
 *
 * @throws as {@link replaceFile}
 */
export async function rehearse(place: Place, access: Access, edge: FileEdge): Promise<void> {
  if (place.facts !== undefined) requireFile(place.facts);
  if (access.platform === 'unix' && edge.files.isMountPoint(place.path)) {
    // Not by comparing devices: on an overlay, a file may lie on another one than its directory.
    throw new Untouched('it is a mount of its own, which cannot be replaced', 'Mount its directory instead.');
  }
  if (place.facts !== undefined) {
    await requireReplaceable(place, access.platform, edge);
    await requireUnprotected(place, access.platform);
  }
  const { name, file } = await writeTemporary(place, PROBE, access, edge);
  await quietly(file.close());
  await place.directory.unlink(name);
}

/** @throws Untouched where the directory lets nobody replace the file but its owner, who does not run this */
export async function requireReplaceable(
  { directory, facts }: Place,
  platform: Access['platform'],
  { uid }: Pick<FileEdge, 'uid'>,
): Promise<void> {
  if (platform === 'windows' || facts === undefined) return;
  const around = await directory.facts();
  const sticky = (around.mode & 0o1000) !== 0;
  if (sticky && uid !== 0 && facts.uid !== uid && around.uid !== uid) {
    throw new Untouched('it belongs to another user, and its directory lets only the owner replace it');
  }
}

/** Opens the file for writing, and writes nothing. @throws Untouched where it could not be replaced */
export async function requireUnprotected({ directory, name }: Place, platform: Access['platform']): Promise<void> {
  try {
    await (await directory.open(name, 'r+')).close();
  } catch (error) {
    const code = systemCode(error);
    // To replace a file one need not be allowed to write it (Unix), and a file that is in use is free again soon (Windows).
    if (code === (platform === 'unix' ? 'EACCES' : 'EBUSY')) return;
    if (code !== 'EPERM') throw error;
    if (platform === 'unix') {
      throw new Untouched(
        'it is marked immutable or append-only',
        'Remove the mark with chattr -i -a, and run the command again.',
      );
    }
    throw new Untouched(
      'it is read-only, or this user may not write it',
      'Run as Administrator, and remove the read-only mark (attrib -r).',
    );
  }
}

interface Temporary {
  readonly name: string;
  readonly identity: string;
  /** Still open on Unix. */
  readonly file: OpenFile;
}

/** The new file, beside the one that it is to replace, and on the disk. */
async function writeTemporary(place: Place, bytes: Uint8Array, access: Access, edge: FileEdge): Promise<Temporary> {
  const { directory, name } = place;
  const temporary = `.${name}.agent-enroll-${edge.token()}.tmp`;
  const file = await directory.open(temporary, 'wx', access.mode);
  try {
    if (access.platform === 'unix') await giveTo(file, await file.facts(), access);
    else if (access.secret) await edge.acl.restrict(`${directory.path}\\${temporary}`);
    await file.write(bytes);
    await file.sync();
    const { identity } = await file.facts();
    // Windows renames no file that is open.
    if (access.platform === 'windows') await file.close();
    return { name: temporary, identity, file };
  } catch (error) {
    await quietly(file.close());
    await quietly(directory.unlink(temporary));
    throw error;
  }
}

async function giveTo(file: OpenFile, facts: FileFacts, { owner, mode }: Access): Promise<void> {
  if (owner !== undefined && (facts.uid !== owner.uid || facts.gid !== owner.gid)) {
    await file.chown(owner.uid, owner.gid);
  }
  // The umask may have taken bits away.
  if (facts.mode !== mode) await file.chmod(mode);
}

/**
 * Gives a file or directory that is there the owner and mode that one of its kind has; its content stays. Nothing of this
 * on Windows.
 *
 * @throws Untouched, and the system's error
 */
export async function setAccess({ directory, name, facts }: Place, access: Access, edge: FileEdge): Promise<void> {
  if (facts === undefined || isAsWanted(facts, access)) return;
  const file = await directory.open(name, 'r');
  try {
    const opened = await file.facts();
    if (opened.identity !== facts.identity) throw new Untouched('another was put in its place');
    // A directory always has several: one above it, and those of the directories in it.
    if (opened.kind !== 'directory') {
      requireFile(opened);
      requireOneName(opened, await directory.facts(), edge);
    }
    await giveTo(file, opened, access);
  } finally {
    await file.close();
  }
}

/** On Windows a file that another process (an agent, a virus scanner) is reading cannot be replaced for that moment. */
const MAY_PASS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES', 'EBUSY']);
const PATIENCE_MS = 3000;

async function renameOver(
  from: string,
  { directory, name }: Place,
  platform: Access['platform'],
  edge: FileEdge,
): Promise<void> {
  const until = edge.monotonic() + PATIENCE_MS;
  for (let ms = 10; ; ms = Math.min(2 * ms, 160)) {
    try {
      await directory.rename(from, name);
      return;
    } catch (error) {
      if (platform === 'unix' || !MAY_PASS.has(systemCode(error)) || edge.monotonic() >= until) throw error;
    }
    await edge.pause(ms);
  }
}

// Earlier versions put the number of their process in front of the digits.
const TEMPORARY = /^\.(.+)\.agent-enroll-(?:\d{1,10}-)?[0-9a-f]{8}\.tmp$/;

/** Whether a name is one that a temporary file beside the file of the name `of` would have. */
export function isTemporaryOf(of: string, name: string): boolean {
  return TEMPORARY.exec(name)?.[1] === of;
}

/**
 * The temporary files that killed runs left beside a file, oldest first. For whoever holds the lock: no other run is at
 * work on this file then, whatever its process has for a number.
 */
export async function leftovers({ directory, name }: Place): Promise<readonly string[]> {
  const names = await directory.list().catch(() => []);
  const found: { readonly name: string; readonly modified: bigint }[] = [];
  for (const one of names) {
    if (!isTemporaryOf(name, one)) continue;
    const facts = await directory.look(one).catch(() => undefined);
    if (facts !== undefined && facts.kind !== 'directory') found.push({ name: one, modified: facts.modified });
  }
  return found.sort((a, b) => (a.modified < b.modified ? -1 : 1)).map((one) => one.name);
}

/** Removes what killed runs left beside a file. What cannot be removed stays: it is in nobody's way. */
export async function removeLeftovers(place: Place): Promise<void> {
  for (const name of await leftovers(place)) await quietly(place.directory.unlink(name));
}

/** Waits for a clean-up whose failure must not hide the failure that it follows. */
async function quietly(cleaning: Promise<unknown>): Promise<void> {
  await cleaning.catch(() => undefined);
}
