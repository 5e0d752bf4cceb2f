import { abortReason, EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';
import type { FileEdge } from './file-edge.js';
import { unwritable } from './file-error.js';
import type { Directory, FileFacts, OpenFile } from './files.js';
import { createLock, type FoundLock, findLock, lifeOf } from './lock-file.js';
import { atPlace } from './place.js';

/** A run of this program that has the agent's files to itself. */
export interface Lock {
  /** Aborted where another run has taken the lock, because this one was not seen to live for long. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

const LOCK = 'lock';
/** Held while a dead run's lock is removed. */
const GUARD = 'lock.breaking';
const LOOK_MS = 100;
/** No run is told to wait longer for another than the longest stock wait for a key allows. */
const PATIENCE_MS = 180_000;
/** So often a holder touches its lock file. */
const BEAT_MS = 1000;
/** A holder that cannot be looked at is taken for dead when its file has not been touched for so long. */
export const STALE_MS = 10_000;

/**
 * Takes the lock of an agent home: one run is at work on its files at a time, so that two never make two agents of one
 * host. The lock of a process that no longer runs is broken.
 *
 * It holds between processes that do not see each other, in containers on one volume: whether such a holder lives is
 * told by its file's modification time. That is set by the file system, and looked at twice on the waiter's own clock
 * that never goes back, so that no clock is compared with another.
 *
 * @param directory this program's own, where nobody else can write
 * @param waiting is told once, with the process that is waited for
 * @throws EnrollError `ANOTHER_RUN` when the other has not ended after three minutes or before the deadline of this run,
 * `FILE_UNWRITABLE`, or the signal's reason
 */
export async function takeLock(
  directory: string,
  edge: FileEdge,
  waiting: (pid: number) => void,
  signal: AbortSignal,
): Promise<Lock> {
  const held = await heldDirectory(directory, edge);
  try {
    return await wait(held, edge, waiting, signal);
  } catch (error) {
    await held.close();
    throw error instanceof EnrollError ? error : unwritable(`${directory}/${LOCK}`, error);
  }
}

async function heldDirectory(path: string, edge: FileEdge): Promise<Directory> {
  try {
    return await atPlace(path, edge, ({ directory, name }) => directory.directory(name));
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function wait(
  directory: Directory,
  edge: FileEdge,
  waiting: (pid: number) => void,
  signal: AbortSignal,
): Promise<Lock> {
  const until = edge.monotonic() + PATIENCE_MS;
  const heart = new Heart(edge);
  let told = false;
  for (;;) {
    if (signal.aborted) throw abortReason(signal);
    const own = await createLock(directory, LOCK, edge);
    if (own !== undefined) return hold(directory, own.file, own.facts, edge);
    const found = await findLock(directory, LOCK);
    if (found === undefined) continue;
    if (heart.isDead(found)) {
      await breakLock(directory, found, edge);
      continue;
    }
    const pid = found.holder?.pid;
    if (edge.monotonic() > until) throw anotherRun(directory, pid, 'has been at work on this host for long');
    if (!told && pid !== undefined) waiting(pid);
    told ||= pid !== undefined;
    await edge.pause(LOOK_MS, signal);
    if (signal.aborted && abortReason(signal).code === 'DEADLINE_PASSED') {
      throw anotherRun(directory, pid, 'was at work on this host until the deadline of this run');
    }
  }
}

function anotherRun({ path }: Directory, pid: number | undefined, what: string): EnrollError {
  const who = pid === undefined ? '' : ` (process ${pid})`;
  return new EnrollError('ANOTHER_RUN', `Another agent-enroll${who} ${what}.`, {
    hint: `Wait for it or end it. If there is no such process, remove ${printable(path)}/${LOCK}.`,
  });
}

/** Listens to whether the holder of a lock lives. */
class Heart {
  readonly #edge: FileEdge;
  #seen: { readonly what: string; readonly at: number } | undefined;

  constructor(edge: FileEdge) {
    this.#edge = edge;
  }

  isDead({ facts, holder }: FoundLock): boolean {
    const life = holder === undefined ? 'unknown' : lifeOf(holder, this.#edge.processes);
    if (life !== 'unknown') return life === 'dead';
    const what = `${facts.identity} ${facts.modified} ${holder?.token}`;
    const now = this.#edge.monotonic();
    if (this.#seen?.what !== what) this.#seen = { what, at: now };
    return now - this.#seen.at > STALE_MS;
  }
}

/**
 * Removes a dead run's lock. Others may have found it dead as well: under the guard one looks again and removes, so that
 * nobody removes the lock that another has taken by then.
 */
async function breakLock(directory: Directory, dead: FoundLock, edge: FileEdge): Promise<void> {
  const guard = await createLock(directory, GUARD, edge);
  if (guard === undefined) return await waitForGuard(directory, edge);
  try {
    if (isSame(await findLock(directory, LOCK), dead)) await remove(directory, LOCK);
  } finally {
    await guard.file.close();
    await removeOwn(directory, GUARD, guard.facts);
  }
}

/** Whoever has the guard needs it for two file operations; one that stays is a killed run's. */
async function waitForGuard(directory: Directory, edge: FileEdge): Promise<void> {
  const heart = new Heart(edge);
  const until = edge.monotonic() + STALE_MS;
  for (;;) {
    const found = await findLock(directory, GUARD);
    if (found === undefined) return;
    if (heart.isDead(found) || edge.monotonic() > until) {
      if (isSame(await findLock(directory, GUARD), found)) await remove(directory, GUARD);
      return;
    }
    await edge.pause(LOOK_MS);
  }
}

function isSame(now: FoundLock | undefined, before: FoundLock): boolean {
  return now?.facts.identity === before.facts.identity && now.holder?.token === before.holder?.token;
}

function hold(directory: Directory, file: OpenFile, facts: FileFacts, edge: FileEdge): Lock {
  const lost = new AbortController();
  const isOurs = async () => (await directory.look(LOCK))?.identity === facts.identity;
  const beat = async () => {
    // The same byte again: only the time of the change is meant, by the file system's own clock.
    await file.write(Buffer.from('{'), 0);
    if (await isOurs()) return;
    clearInterval(timer);
    const text = 'Another agent-enroll took over, because this run was not seen to live for a while.';
    lost.abort(new EnrollError('ANOTHER_RUN', text));
  };
  let beating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beating = beating.then(beat).catch(() => undefined);
  }, BEAT_MS).unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      await beating;
      // While it is open no other file can have its identity.
      const ours = await isOurs().catch(() => false);
      if (ours && edge.uid !== undefined) await remove(directory, LOCK);
      await file.close().catch(() => undefined);
      // Windows removes no file that is open.
      if (ours && edge.uid === undefined) await remove(directory, LOCK);
      await directory.close().catch(() => undefined);
    },
  };
}

async function removeOwn(directory: Directory, name: string, { identity }: FileFacts): Promise<void> {
  if ((await directory.look(name))?.identity === identity) await remove(directory, name);
}

async function remove(directory: Directory, name: string): Promise<void> {
  await directory.unlink(name).catch(() => undefined);
}
