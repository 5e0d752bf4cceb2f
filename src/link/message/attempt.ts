import { EnrollError, type ErrorCode } from '../../errors.js';
import type { Deadline } from '../../net/deadline.js';

/** Waits so many milliseconds of the handshake's clock, or until the signal is aborted. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** The reason of a wait that was only one of several: never shown. */
export function attemptOver(): EnrollError {
  return new EnrollError('CONNECTION_TIMED_OUT', 'No answer to this attempt.');
}

const PASSING: readonly ErrorCode[] = [
  'HOST_UNRESOLVED',
  'CONNECTION_REFUSED',
  'CONNECTION_TIMED_OUT',
  'CONNECTION_FAILED',
];

/** Whether trying again is pointless: the manager spoke, or the fault is not the network's. */
export function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof EnrollError)) return true;
  return !PASSING.includes(thrown.code);
}

/** The time of one attempt, below `parent` and by the handshake's clock. Its reason is {@link attemptOver}. */
export function attemptDeadline(parent: AbortSignal, ms: number, pause: Pause): Deadline {
  const controller = new AbortController();
  const cleared = new AbortController();
  const onParent = () => controller.abort(parent.reason);
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent);
  void pause(ms, cleared.signal).then(() => {
    if (!cleared.signal.aborted) controller.abort(attemptOver());
  });
  return {
    signal: controller.signal,
    clear() {
      cleared.abort();
      parent.removeEventListener('abort', onParent);
    },
  };
}

/** Whether the work ends within `ms` milliseconds, well or not. */
export async function endsWithin(work: Promise<unknown>, ms: number, pause: Pause): Promise<boolean> {
  const ended = new AbortController();
  let over = false;
  const settled = () => {
    over = true;
    ended.abort();
  };
  work.then(settled, settled);
  await pause(ms, ended.signal);
  return over;
}
