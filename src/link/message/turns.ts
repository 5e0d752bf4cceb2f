import type { Pause } from './attempt.js';
import { pauseAfter } from './pace.js';

/** What turns are made with. */
export interface TurnsEdge {
  /** Milliseconds since the handshake began. */
  readonly elapsedMs: () => number;
  readonly pause: Pause;
}

/**
 * Who may send the next message, and when: all that is tried, ciphers and protocols, shares one pace. Those who wait are
 * served in the order in which they came.
 */
export class Turns {
  readonly #edge: TurnsEdge;
  #dueMs = 0;
  #line: Promise<void> = Promise.resolve();
  #sooner = new AbortController();

  constructor(edge: TurnsEdge) {
    this.#edge = edge;
  }

  /** Resolves when the caller's turn has come, or as soon as `signal` is aborted: whoever waits looks at it then. */
  async next(signal: AbortSignal): Promise<void> {
    const before = this.#line;
    let leave = () => {};
    this.#line = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
    try {
      await this.#due(signal);
      if (!signal.aborted) this.#dueMs = this.#edge.elapsedMs() + pauseAfter(this.#edge.elapsedMs());
    } finally {
      leave();
    }
  }

  /** A turn that came to no message: the next in line has it at once. */
  giveBack(): void {
    this.#dueMs = this.#edge.elapsedMs();
    this.#sooner.abort();
    this.#sooner = new AbortController();
  }

  async #due(signal: AbortSignal): Promise<void> {
    for (;;) {
      const ms = this.#dueMs - this.#edge.elapsedMs();
      if (ms <= 0 || signal.aborted) return;
      await this.#edge.pause(ms, AbortSignal.any([signal, this.#sooner.signal]));
    }
  }
}
