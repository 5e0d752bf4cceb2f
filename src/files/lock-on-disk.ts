import { systemCode } from '../errors.js';
import { isObject, parseJson } from '../model/json.js';
import type { FileEdge } from './file-edge.js';
import type { Directory } from './files.js';

/*
 * A lock is a directory that holds one file, named by a token that is used once. It is made whole under another name and
 * then renamed, and no file system renames a directory onto one that holds something. It is ended by removing the file
 * of that token, and then the directory if it is empty. So nobody ever sees half a lock, and whoever ends one, its
 * holder or a run that takes it for dead, ends that one and no other, however long ago it was looked at.
 */

/** The lock's name in this program's own directory. */
export const LOCK = 'lock';
const unfinished = (token: string) => `${LOCK}.${token}`;
const swept = (name: string) => `${name}.gone`;
const LEFT_BEHIND = /^lock\.[0-9a-f]+(\.gone)?$/;

/** Who holds a lock: see {@link Processes}. */
export interface Holder {
  readonly pid: number;
  readonly start?: string;
  readonly space?: string;
}

/** A lock as one look finds it. */
export interface FoundLock {
  readonly token: string;
  /** Absent: it cannot be read, for the power failed before it was on the disk. */
  readonly holder?: Holder;
  /** When its heart beat last, by the file system's own clock: two looks can be compared, and nothing else. */
  readonly beat: bigint;
}

/** What is told of a file or directory that another process has removed. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);
const TAKEN: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST']);
/** On Windows: the name is taken, or another process (a virus scanner) looks at what is there. */
const MAY_PASS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EACCES', 'EBUSY']);

/**
 * Takes the lock if nobody has it.
 *
 * @returns the token; `undefined`: somebody was faster, or stood in the way for a moment
 * @throws the system's error
 */
export async function putLock(own: Directory, edge: FileEdge): Promise<string | undefined> {
  const token = edge.token() + edge.token();
  const name = unfinished(token);
  const { pid, start, space } = edge.processes;
  await own.makeDirectory(name, 0o700);
  try {
    await within(own, name, (inside) => writeNew(inside, token, `${JSON.stringify({ pid, start, space })}\n`));
    // Windows renames onto no directory at all. One that holds something stays.
    await quietly(own.removeDirectory(LOCK));
    await own.rename(name, LOCK);
  } catch (error) {
    // A network file system may have done it and lost the answer.
    if (await isLocked(own, token)) return token;
    const wasSwept = (await own.look(name)) === undefined;
    await quietly(within(own, name, (inside) => inside.unlink(token)));
    await quietly(own.removeDirectory(name));
    if (wasSwept || TAKEN.has(systemCode(error)) || mayPass(error, edge)) return undefined;
    if ((await own.look(LOCK)) !== undefined) return undefined;
    throw error;
  }
  await quietly(sweep(own));
  return token;
}

/** The lock that somebody has; `undefined`: nobody, as far as is seen. @throws the system's error */
export async function findLock(own: Directory): Promise<FoundLock | undefined> {
  try {
    return await within(own, LOCK, async (lock) => {
      const [token] = [...(await lock.list())].sort();
      if (token === undefined) return undefined;
      // Opened each time, for that is when a network file system asks its server and does not answer from memory.
      const file = await lock.open(token, 'r');
      try {
        const { modified } = await file.facts();
        const holder = parseHolder((await file.read(HOLDER_LIMIT)).toString('utf8'));
        return { token, beat: modified, ...(holder === undefined ? {} : { holder }) };
      } finally {
        await file.close();
      }
    });
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESTALE') return undefined;
    throw error;
  }
}

/** Writes a byte that is there already, which moves the time of the last change, by the file system's clock. */
const FIRST_BYTE = Buffer.from('{');

/** One beat of a held lock's heart. @returns false: the lock is no longer there; a beat that failed proves nothing */
export async function beatLock(own: Directory, token: string): Promise<boolean> {
  try {
    await within(own, LOCK, async (lock) => {
      // Opened each time, for it is when a file is closed that a network file system tells its server.
      const file = await lock.open(token, 'r+');
      try {
        await file.write(FIRST_BYTE, 0);
      } finally {
        await file.close();
      }
    });
    return true;
  } catch (error) {
    return !GONE.has(systemCode(error));
  }
}

/**
 * Ends the lock of this token, and no other.
 *
 * @returns whether it is gone; false: something stands in the way, for a moment
 * @throws the system's error
 */
export async function endLock(own: Directory, token: string, edge: FileEdge): Promise<boolean> {
  try {
    await within(own, LOCK, (lock) => lock.unlink(token));
  } catch (error) {
    if (mayPass(error, edge)) return false;
    if (!GONE.has(systemCode(error))) throw error;
  }
  await quietly(own.removeDirectory(LOCK));
  return true;
}

async function isLocked(own: Directory, token: string): Promise<boolean> {
  const found = await within(own, LOCK, (lock) => lock.look(token)).catch(() => undefined);
  return found !== undefined;
}

/**
 * Removes what runs left that were killed while they were taking the lock. It may be one that is still at it: after the
 * renaming it can no longer get the lock by this directory, and tries again with another.
 */
async function sweep(own: Directory): Promise<void> {
  for (const found of await own.list()) {
    const ending = LEFT_BEHIND.exec(found);
    if (ending !== null) await quietly(sweepOne(own, found, ending[1] === undefined ? swept(found) : found));
  }
}

async function sweepOne(own: Directory, found: string, name: string): Promise<void> {
  if (name !== found) await own.rename(found, name);
  await within(own, name, async (inside) => {
    for (const file of await inside.list()) await inside.unlink(file);
  });
  await own.removeDirectory(name);
}

async function writeNew(directory: Directory, name: string, text: string): Promise<void> {
  const file = await directory.open(name, 'wx', 0o600);
  try {
    await file.write(Buffer.from(text, 'utf8'));
  } finally {
    await file.close();
  }
}

async function within<T>(own: Directory, name: string, work: (inside: Directory) => Promise<T>): Promise<T> {
  const inside = await own.directory(name);
  try {
    return await work(inside);
  } finally {
    await inside.close();
  }
}

function mayPass(error: unknown, { uid }: FileEdge): boolean {
  return uid === undefined && MAY_PASS.has(systemCode(error));
}

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}

const HOLDER_LIMIT = 1024;
const HIGHEST_PID = 0x7fffffff;

function parseHolder(text: string): Holder | undefined {
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const { pid, start, space } = value;
  // Zero and less are groups of processes.
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1 || pid > HIGHEST_PID) return undefined;
  return {
    pid,
    ...(typeof start === 'string' ? { start } : {}),
    ...(typeof space === 'string' ? { space } : {}),
  };
}
