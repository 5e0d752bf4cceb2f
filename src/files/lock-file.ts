import { systemCode } from '../errors.js';
import { isObject, parseJson } from '../model/json.js';
import type { FileEdge } from './file-edge.js';
import type { Directory, FileFacts, OpenFile } from './files.js';
import type { Processes } from './processes.js';

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  /** As {@link Processes} tells them. */
  readonly start?: string;
  readonly space?: string;
  /** Random: no two locks are alike, be they of the same process. */
  readonly token: string;
}

/** A lock file as it is found. */
export interface FoundLock {
  readonly facts: FileFacts;
  /** Absent where it cannot be read: it is being written, or its writing was broken off. */
  readonly holder?: Holder;
}

const LIMIT = 1024;

/** Makes a lock file of our own, and keeps it open; `undefined`: there is one already. @throws the system's error */
export async function createLock(
  directory: Directory,
  name: string,
  edge: FileEdge,
): Promise<{ readonly file: OpenFile; readonly facts: FileFacts } | undefined> {
  const { pid, start, space } = edge.processes;
  const holder: Holder = {
    pid,
    ...(start === undefined ? {} : { start }),
    ...(space === undefined ? {} : { space }),
    token: edge.token(),
  };
  let file: OpenFile;
  try {
    file = await directory.open(name, 'wx', 0o600);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined;
    throw error;
  }
  try {
    await file.write(Buffer.from(`${JSON.stringify(holder)}\n`, 'utf8'), 0);
    return { file, facts: await file.facts() };
  } catch (error) {
    await file.close().catch(() => undefined);
    await directory.unlink(name).catch(() => undefined);
    throw error;
  }
}

/** The lock file of this name; `undefined`: there is none. @throws the system's error */
export async function findLock(directory: Directory, name: string): Promise<FoundLock | undefined> {
  let file: OpenFile;
  try {
    file = await directory.open(name, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const facts = await file.facts();
    const holder = parseHolder((await file.read(LIMIT)).toString('utf8'));
    return { facts, ...(holder === undefined ? {} : { holder }) };
  } finally {
    await file.close();
  }
}

function parseHolder(text: string): Holder | undefined {
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  const { pid, start, space, token } = value;
  if (typeof pid !== 'number' || typeof token !== 'string') return undefined;
  return {
    pid,
    ...(typeof start === 'string' ? { start } : {}),
    ...(typeof space === 'string' ? { space } : {}),
    token,
  };
}

/**
 * What is known at once of a lock's holder, from the processes alone. `unknown`: it counts them otherwise than we do (in
 * another container, on another machine), or does not tell enough; then its heart must be listened to.
 */
export function lifeOf({ pid, start, space }: Holder, processes: Processes): 'alive' | 'dead' | 'unknown' {
  if (space !== processes.space) return 'unknown';
  // A lock of ours that we do not hold is that of an earlier process with our number.
  if (pid === processes.pid) return start === undefined || start !== processes.start ? 'dead' : 'alive';
  const seen = processes.look(pid);
  if (!seen.runs) return 'dead';
  if (start === undefined || seen.start === undefined) return 'unknown';
  return seen.start === start ? 'alive' : 'dead';
}
