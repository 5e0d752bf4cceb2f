import { abortReason, type EnrollError } from '../../errors.js';

/** How much waits for a receiver at most; what is more is the transport's to hold back or to drop. */
const COUNT_LIMIT = 64;
const BYTE_LIMIT = 512 * 1024;

/**
 * What arrived on a transport and waits to be received: messages and faults in the order of arrival, with a bound,
 * then the end.
 */
export class Inbox {
  readonly #arrived: (Uint8Array | EnrollError)[] = [];
  readonly #waiting = new Set<() => void>();
  #bytes = 0;
  #ended = false;
  #end: EnrollError | undefined;

  /** Whether as much waits as may wait. */
  get full(): boolean {
    return this.#arrived.length >= COUNT_LIMIT || this.#bytes >= BYTE_LIMIT;
  }

  /** Adds a message, or a fault after which more may come. After the end nothing is added. */
  add(arrival: Uint8Array | EnrollError): void {
    if (this.#ended) return;
    this.#arrived.push(arrival);
    if (arrival instanceof Uint8Array) this.#bytes += arrival.length;
    this.#wake();
  }

  /** Nothing comes any more: because of `fault`, or because the other side has closed. The first end counts. */
  end(fault?: EnrollError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#end = fault;
    this.#wake();
  }

  /**
   * The next message; `undefined` after a regular end.
   * @throws EnrollError the next fault, the fault of the end, or the reason of an aborted `signal`
   */
  async take(signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      if (signal.aborted) throw abortReason(signal);
      const next = this.#arrived.shift();
      if (next instanceof Uint8Array) {
        this.#bytes -= next.length;
        return next;
      }
      if (next !== undefined) throw next;
      if (this.#end !== undefined) throw this.#end;
      if (this.#ended) return undefined;
      await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
