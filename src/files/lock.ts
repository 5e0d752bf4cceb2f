import { join } from 'node:path';
import { abortReason, EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';
import type { FileEdge } from './file-edge.js';
import { unwritable } from './file-error.js';
import type { Directory } from './files.js';
import { beatLock, endLock, type FoundLock, findLock, type Holder, LOCK, putLock } from './lock-on-disk.js';
import { atPlace } from './place.js';
import type { Processes } from './processes.js';

/** A run of this program that has the agent's home to itself. */
export interface Lock {
  /**
   * Aborted, with an EnrollError `ANOTHER_RUN`, when it is found that another run has taken the lock: it took this one
   * for dead, which stood still for longer than {@link STALE_MS} in a container or machine of its own.
   */
  readonly lost: AbortSignal;
  /** Lets the next run have it. Of a lock that was lost nothing is touched. Never fails. */
  release(): Promise<void>;
}

/**
 * So long, in milliseconds, the heart of a holder that is not among the processes that are seen here may stand still
 * before it counts as dead.
 */
export const STALE_MS = 10_000;
const BEAT_MS = 1000;
const LOOK_MS = 100;
/** No run is told to wait longer for another than the longest stock wait for a key allows. */
const PATIENCE_MS = 180_000;

/**
 * Takes the lock of an agent home; one run enrolls at a time, so that two never make two agents of one host. It holds
 * between processes of one system, of containers that do not see each other's, and of machines that share the directory.
 * The lock of a dead process is broken: at once where its number is one of those seen here, else when its heart has
 * stood still for {@link STALE_MS} of the time that is measured here. No clock is compared with another.
 *
 * @param directory this program's own, which is there
 * @param waiting is told once, with the number (in its own system) of the process that is waited for
 * @throws EnrollError `ANOTHER_RUN` when the other has not ended after three minutes or when the deadline of this run
 * has passed, `FILE_UNWRITABLE`, or the signal's reason
 */
export async function takeLock(
  directory: string,
  edge: FileEdge,
  waiting: (pid: number) => void,
  signal: AbortSignal,
): Promise<Lock> {
  const path = join(directory, LOCK);
  let own: Directory | undefined;
  try {
    own = await atPlace(directory, edge, (place) => place.directory.directory(place.name));
    return hold(own, await waitForTurn(own, path, edge, waiting, signal), edge);
  } catch (thrown) {
    await own?.close();
    throw unwritable(path, thrown);
  }
}

/** @returns the token of the lock, which is taken then */
async function waitForTurn(
  own: Directory,
  path: string,
  edge: FileEdge,
  waiting: (pid: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const until = edge.monotonic() + PATIENCE_MS;
  const stillFor = stillness(edge);
  let holder: Holder | undefined;
  let told = false;
  let taken = false;
  for (;;) {
    if (signal.aborted) throw endOfWait(signal, path, taken, holder);
    const found = await findLock(own);
    taken ||= found !== undefined;
    const dead = found !== undefined && isDead(found, stillFor(found), edge);
    if (found === undefined || (dead && (await endLock(own, found.token, edge)))) {
      const token = await putLock(own, edge);
      if (token !== undefined) return token;
    } else if (!dead) {
      holder = found.holder;
      if (!told && holder !== undefined) {
        waiting(holder.pid);
        told = true;
      }
    }
    if (edge.monotonic() >= until) throw anotherRun(path, holder);
    await edge.pause(LOOK_MS, signal);
  }
}

/** It is the other run that did not end in time, not the manager that did not answer. */
function endOfWait(signal: AbortSignal, path: string, taken: boolean, holder: Holder | undefined): EnrollError {
  const reason = abortReason(signal);
  if (reason.code !== 'DEADLINE_PASSED' || !taken) return reason;
  return anotherRun(path, holder, reason);
}

function anotherRun(path: string, holder: Holder | undefined, deadline?: EnrollError): EnrollError {
  const who = `Another agent-enroll${holder === undefined ? '' : ` (process ${holder.pid})`}`;
  const text =
    deadline === undefined
      ? `${who} has been at work on this host for long.`
      : `${who} was still at work on this host when the deadline of this run passed (--deadline).`;
  return new EnrollError('ANOTHER_RUN', text, {
    hint: `Wait for it or end it. If there is no such process, remove ${printable(path)}.`,
    cause: deadline,
  });
}

/** How long, in milliseconds, the heart of a found lock has not beaten. */
function stillness(edge: FileEdge): (found: FoundLock) => number {
  let last: FoundLock | undefined;
  let lookedAt = 0;
  let ms = 0;
  return (found) => {
    const now = edge.monotonic();
    const moved = last?.token !== found.token || last.beat !== found.beat;
    // Between two looks no more than a beat counts: if we were stopped ourselves, the holder may have been so too.
    ms = moved ? 0 : ms + Math.min(now - lookedAt, BEAT_MS);
    last = found;
    lookedAt = now;
    return ms;
  };
}

function isDead({ holder }: FoundLock, stillMs: number, { processes }: FileEdge): boolean {
  const seen = holder === undefined ? 'unseen' : lookAt(holder, processes);
  return seen === 'dead' || (seen === 'unseen' && stillMs >= STALE_MS);
}

function lookAt(holder: Holder, processes: Processes): 'runs' | 'dead' | 'unseen' {
  if (processes.space === undefined || holder.space !== processes.space) return 'unseen';
  const now = processes.look(holder.pid);
  if (!now.runs) return 'dead';
  if (now.start === undefined || holder.start === undefined) return 'unseen';
  return now.start === holder.start ? 'runs' : 'dead';
}

function hold(own: Directory, token: string, edge: FileEdge): Lock {
  const lost = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let beating = Promise.resolve();
  let released: Promise<void> | undefined;

  const beat = async () => {
    if (await beatLock(own, token)) return await sleepUntilBeat();
    lost.abort(
      new EnrollError('ANOTHER_RUN', 'Another agent-enroll took this one for dead, and is at work on this host now.'),
    );
  };
  const sleepUntilBeat = async () => {
    if (released !== undefined) return;
    timer = setTimeout(() => {
      beating = beat();
    }, BEAT_MS);
    // Nobody waits for a beat.
    timer.unref();
  };
  const release = async () => {
    clearTimeout(timer);
    await beating;
    await endLock(own, token, edge).catch(() => undefined);
    await own.close().catch(() => undefined);
  };

  void sleepUntilBeat();
  return {
    lost: lost.signal,
    release() {
      released ??= release();
      return released;
    },
  };
}
