import type { Pause } from '../../../src/link/message/attempt.js';

/** How often the event loop goes round before nothing more is taken to happen by itself. */
const ROUNDS = 4;

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that goes on to the next thing that waits for it as soon as nothing else happens. */
export class VirtualClock {
  #nowMs = 0;
  #ends = false;
  readonly #sleepers = new Set<Sleeper>();

  readonly now = (): number => this.#nowMs;

  readonly pause: Pause = (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + Math.max(0, ms), wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', wake, { once: true });
      return undefined;
    });

  /** How many waits have not ended. */
  get waits(): number {
    return this.#sleepers.size;
  }

  /** Lets the clock run until the work has ended. */
  async run<T>(work: Promise<T>): Promise<T> {
    const end = () => {
      this.#ends = true;
    };
    work.then(end, end);
    while (!this.#ends) {
      for (let round = 0; round < ROUNDS; round += 1) await new Promise((resolve) => setImmediate(resolve));
      const next = [...this.#sleepers].toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || this.#ends) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    return await work;
  }
}
