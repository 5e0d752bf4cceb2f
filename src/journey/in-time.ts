import { once } from 'node:events';
import { abortReason } from '../errors.js';
import { pause } from '../net/deadline.js';
import type { JourneyEdge } from './journey-edge.js';

/** After the signal the work is looked at so often, so many milliseconds apart; a busy machine is waited for. */
const LOOKS = 4;
const LOOK_MS = 50;
/** A key that is on its way to the disk is waited for, be the disk slow, but not for ever. */
const LONGEST_STEP_MS = 30_000;

/** The steps under way that nothing may cut off. */
export class HeldSteps {
  readonly #hold: JourneyEdge['uninterrupted'];
  #underWay = 0;

  /** @param hold what keeps this process from being ended meanwhile */
  constructor(hold: JourneyEdge['uninterrupted']) {
    this.#hold = hold;
  }

  get any(): boolean {
    return this.#underWay > 0;
  }

  readonly uninterrupted: JourneyEdge['uninterrupted'] = async (step) => {
    this.#underWay += 1;
    try {
      return await this.#hold(step);
    } finally {
      this.#underWay -= 1;
    }
  };
}

/**
 * What the work comes to. It has a moment, 0.2 s, to end by itself once `signal` is aborted, and is left behind then: it
 * may hang in what nobody can stop, such as a disk that does not answer.
 *
 * @param now milliseconds on a clock that never goes back
 * @throws the reason of the signal where it is left behind, and what the work throws
 */
export async function inTime<T>(work: Promise<T>, signal: AbortSignal, held: HeldSteps, now: () => number): Promise<T> {
  // What is left behind may still fail.
  work.catch(() => {});
  const over = new AbortController();
  const overdue = async (): Promise<never> => {
    if (!signal.aborted) await once(signal, 'abort', { signal: over.signal });
    const since = now();
    for (let looks = 0; looks < LOOKS && !over.signal.aborted; ) {
      await pause(LOOK_MS, over.signal);
      looks = held.any && now() - since < LONGEST_STEP_MS ? 0 : looks + 1;
    }
    throw abortReason(signal);
  };
  try {
    return await Promise.race([work, overdue()]);
  } finally {
    over.abort();
  }
}
