import { dirname } from 'node:path';
import { abortReason, EnrollError, systemCode } from '../errors.js';
import { directoryAccess } from '../keystore/client-keys.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';
import { pause } from '../net/deadline.js';
import type { KeystoreEdge } from './file-edge.js';
import { unwritable } from './file-error.js';
import { readSmall } from './files.js';
import { ownFile } from './own-files.js';
import { createDirectory, existing } from './replace.js';

/** A run of this program that has the agent's home to itself. */
export interface Lock {
  release(): Promise<void>;
}

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  /** When that process started, in milliseconds since 1970: a number that is used again is another process. */
  readonly startedAt: number;
  /** The start of the system that it ran under, where that is known: after the next one its number is another's. */
  readonly bootId?: string;
}

const LOOK_MS = 100;
/** No run is told to wait longer for another than the longest stock wait for a key allows. */
const PATIENCE_MS = 180_000;
/** Breaking a dead run's lock takes two file operations; a guard that is older was left behind itself. */
const GUARD_MS = 10_000;
const LOCK_LIMIT = 1024;

/**
 * Takes the lock of an agent home; one run enrolls at a time, so that two never make two agents of one host. The lock of
 * a process that no longer runs is broken.
 *
 * @param waiting is told once, with the process that is waited for
 * @throws EnrollError `ANOTHER_RUN` when the other has not ended after three minutes, `FILE_UNWRITABLE`, or the signal's
 * reason
 */
export async function takeLock(
  agent: AgentInstallation,
  edge: KeystoreEdge,
  waiting: (pid: number) => void,
  signal: AbortSignal,
): Promise<Lock> {
  const path = ownFile(agent, 'lock');
  const home = dirname(path);
  const until = edge.now() + PATIENCE_MS;
  let told = false;
  let made = false;
  for (;;) {
    if (signal.aborted) throw abortReason(signal);
    made = (await ensureHome(agent, home, edge)) || made;
    if (await create(path, edge)) return { release: () => release(path, made, edge) };
    const holder = await readHolder(path, edge);
    if (holder === 'gone') continue;
    if (isDead(holder, edge)) {
      await breakLock(path, edge);
      continue;
    }
    if (edge.now() > until) throw anotherRun(path, holder.pid);
    if (!told) waiting(holder.pid);
    told = true;
    await pause(LOOK_MS, signal);
  }
}

function anotherRun(path: string, pid: number): EnrollError {
  return new EnrollError(
    'ANOTHER_RUN',
    `Another agent-enroll (process ${pid}) has been at work on this host for long.`,
    {
      hint: `Wait for it or end it. If there is no such process, remove ${printable(path)}.`,
    },
  );
}

/** On a host without an agent the home may not be there yet. */
async function ensureHome(agent: AgentInstallation, home: string, edge: KeystoreEdge): Promise<boolean> {
  try {
    const parent = await existing(edge.files.stat(dirname(home)));
    if (parent === undefined || (await existing(edge.files.stat(home))) !== undefined) return false;
    await createDirectory(home, directoryAccess(agent, parent, edge), edge);
    return true;
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST') return false;
    throw unwritable(home, thrown);
  }
}

/** A home that nothing was put into is taken away again. */
async function release(path: string, made: boolean, edge: KeystoreEdge): Promise<void> {
  await remove(path, edge);
  const home = dirname(path);
  if (made) await edge.files.removeDirectory(home).catch(() => undefined);
}

async function create(path: string, edge: KeystoreEdge): Promise<boolean> {
  try {
    const file = await edge.files.open(path, 'wx', 0o600);
    try {
      const { pid, startedAt, bootId } = edge;
      const holder: Holder = { pid, startedAt, ...(bootId === undefined ? {} : { bootId }) };
      await file.write(Buffer.from(`${JSON.stringify(holder)}\n`, 'utf8'));
    } finally {
      await file.close();
    }
    return true;
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST') return false;
    throw unwritable(path, thrown);
  }
}

/** The holder; one that cannot be read yet (it is being written) is taken for a process that runs. */
async function readHolder(path: string, { files, startedAt }: KeystoreEdge): Promise<Holder | 'gone'> {
  try {
    const facts = await files.stat(path);
    const text = (await readSmall(path, LOCK_LIMIT, files)) ?? '';
    return parseHolder(text) ?? { pid: 0, startedAt: Math.max(facts.modified, startedAt) };
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return 'gone';
    throw unwritable(path, thrown);
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value)) return undefined;
    const { pid, startedAt } = value;
    if (typeof pid !== 'number' || typeof startedAt !== 'number') return undefined;
    const bootId = 'bootId' in value && typeof value.bootId === 'string' ? { bootId: value.bootId } : {};
    return { pid, startedAt, ...bootId };
  } catch {
    return undefined;
  }
}

function isDead({ pid, startedAt, bootId }: Holder, edge: KeystoreEdge): boolean {
  if (bootId !== undefined && edge.bootId !== undefined && bootId !== edge.bootId) return true;
  // Nobody takes so long to write one line.
  if (pid === 0) return edge.now() - startedAt > GUARD_MS;
  if (pid === edge.pid) return startedAt !== edge.startedAt;
  return !edge.isRunning(pid);
}

/**
 * Removes a dead run's lock. Two runs may have found it dead: under the guard only one looks again and removes, so
 * that neither removes the lock that the other has taken by then.
 */
async function breakLock(path: string, edge: KeystoreEdge): Promise<void> {
  const guard = `${path}.breaking`;
  if (!(await create(guard, edge))) {
    const holder = await readHolder(guard, edge);
    if (holder !== 'gone' && (isDead(holder, edge) || (await age(guard, edge)) > GUARD_MS)) await remove(guard, edge);
    return;
  }
  try {
    const holder = await readHolder(path, edge);
    if (holder !== 'gone' && isDead(holder, edge)) await remove(path, edge);
  } finally {
    await remove(guard, edge);
  }
}

async function age(path: string, { files, now }: KeystoreEdge): Promise<number> {
  return now() - (await files.stat(path).catch(() => ({ modified: now() }))).modified;
}

async function remove(path: string, { files }: KeystoreEdge): Promise<void> {
  await files.unlink(path).catch(() => undefined);
}
