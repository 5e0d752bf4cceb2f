import { abortReason, type EnrollError } from '../errors.js';

/** A signal that ends with its parent or with its own time, whichever comes first. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Must be called when the wait is over: it lets go of the timer and of the parent. */
  clear(): void;
}

/**
 * A deadline below `parent`. When `ms` milliseconds have passed the signal is aborted with the error that `late`
 * makes; when the parent is aborted first, with the parent's reason.
 */
export function deadline(parent: AbortSignal, ms: number, late: () => EnrollError): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(late()), ms);
  const onParent = () => controller.abort(parent.reason);
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      parent.removeEventListener('abort', onParent);
    },
  };
}

/** Resolves after `ms` milliseconds, or as soon as `signal` is aborted: whoever waits looks at the signal then. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** What the work comes to, or the reason of `signal` as soon as it is aborted: for work that takes no signal itself. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
