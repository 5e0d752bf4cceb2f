import { type Counter, NOTHING_SENT, nextCounter } from '../model/message-counter.js';

/** What a manager keeps in `queue/rids`: it outlives remoted, and an agent that is removed takes its own with it. */
export class Counters {
  readonly #last = new Map<string, Counter>();
  // One counter for all that the manager sends, to whichever agent (remoted, Wazuh 4.14, OSSEC 4.3).
  #sent: Counter = NOTHING_SENT;

  /** Of the last message that was taken from this agent. */
  lastOf(id: string): Counter {
    return this.#last.get(id) ?? NOTHING_SENT;
  }

  note(id: string, counter: Counter): void {
    this.#last.set(id, counter);
  }

  /** For the next message that the manager sends. */
  next(): Counter {
    this.#sent = nextCounter(this.#sent);
    return this.#sent;
  }

  forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of this.#last.keys()) {
      if (!ids.has(id)) this.#last.delete(id);
    }
  }
}
