import { abortReason } from '../errors.js';

/** What waiting needs of the world. */
export interface PatienceOptions {
  /** How long may be waited in all, in milliseconds. */
  readonly budgetMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
}

/** Waits for a manager that is starting or has too much to do. */
export interface Patience {
  /**
   * Waits a while, longer each time.
   * @param terms what the manager has said of this wait
   * @returns false, at once, where the next wait would go beyond the budget
   * @throws EnrollError the reason of `signal`
   */
  wait(signal: AbortSignal, terms?: WaitTerms): Promise<boolean>;
}

/** The terms of one wait. */
export interface WaitTerms {
  /** How long may be waited in all for this; absent: the budget. */
  readonly forMs?: number;
  /** How long the manager wants to be left alone. */
  readonly atLeastMs?: number;
}

/** An API counts its requests by the minute, and a manager needs about as long to start. */
const LIMIT_MS = 75_000;

/**
 * The budget of one try out of several, in milliseconds, so that all of them together outlast a minute in which the API
 * takes no more. Who wants no retries gets one timeout's worth.
 */
export function budgetOfTry(timeoutMs: number, retries: number): number {
  return retries === 0 ? timeoutMs : Math.max(timeoutMs, Math.ceil(LIMIT_MS / (retries + 1)));
}

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
const SHORTEST_MS = 100;

/**
 * Exponential back-off with full jitter: ten thousand hosts that are turned away in the same second must not come back
 * in the same second. The budget counts from the first wait on.
 */
export function patience({ budgetMs, random, pause, now }: PatienceOptions): Patience {
  let tries = 0;
  let started: number | undefined;
  return {
    async wait(signal, { forMs = budgetMs, atLeastMs = SHORTEST_MS } = {}) {
      started ??= now();
      const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** tries);
      const ms = Math.max(SHORTEST_MS, atLeastMs, random() * ceiling);
      if (now() - started + ms > forMs) return false;
      tries += 1;
      await pause(ms, signal);
      if (signal.aborted) throw abortReason(signal);
      return true;
    },
  };
}
