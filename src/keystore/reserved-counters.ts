import { type Counter, isNewer, nextCounter } from '../model/message-counter.js';
import type { SenderCounter } from './sender-counter.js';

/** So many messages are paid for with one write to the disk; a run that is killed skips at most as many. */
const BLOCK = 256;

/** Hands out message counters one by one, each of them safe on the disk before it is used. */
export class ReservedCounters {
  readonly #sender: SenderCounter;
  #last: Counter;
  #reserved: Counter;
  /** Two lanes of a handshake may ask at once: they are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(sender: SenderCounter) {
    this.#sender = sender;
    this.#last = sender.last;
    this.#reserved = sender.last;
  }

  /** The counter of the next message. @throws EnrollError `FILE_UNWRITABLE` */
  next(): Promise<Counter> {
    const turn = this.#turn.then(async () => {
      if (!isNewer(this.#reserved, this.#last)) this.#reserved = await this.#sender.reserve(BLOCK);
      this.#last = nextCounter(this.#last);
      return this.#last;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Writes down what was really used, so that the agent goes on from there. */
  async settle(): Promise<void> {
    await this.#turn;
    if (isNewer(this.#last, this.#sender.last)) await this.#sender.settle(this.#last);
  }
}
