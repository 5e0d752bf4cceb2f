import type { Duplex } from 'node:stream';
import { pause } from '../../../src/net/deadline.js';
import type { Fault } from './cells.js';

export const DELAY_MS = 2000;
const SLOW_MS = 1000;

/** One direction of a connection: what is given to it goes out in order, some of it late. */
export class Outlet {
  readonly #stream: Duplex;
  readonly #signal: AbortSignal;
  #before: Promise<void> | undefined;
  #shut = false;

  constructor(stream: Duplex, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
  }

  send(...parts: readonly Buffer[]): void {
    if (this.#shut) return;
    this.afterwards(() => {
      for (const part of parts) if (this.#stream.writable) this.#stream.write(part);
    });
  }

  /** Sends it late, or a byte a second. */
  bent(whole: Buffer, fault: Fault): void {
    if (this.#shut) return;
    const bytes = fault === 'slow' ? [...whole].map((byte) => Buffer.of(byte)) : [whole];
    const waitMs = fault === 'slow' ? SLOW_MS : DELAY_MS;
    this.#queue(async () => {
      for (const part of bytes) {
        await pause(waitMs, this.#signal);
        if (!this.#stream.writable) return;
        this.#stream.write(part);
      }
    });
  }

  end(): void {
    if (this.#shut) return;
    this.#shut = true;
    this.afterwards(() => {
      if (this.#stream.writable) this.#stream.end();
    });
  }

  /** Does something when all before it has gone out. */
  afterwards(work: () => void): void {
    if (this.#before === undefined) work();
    else this.#queue(async () => work());
  }

  /** Nothing that is given to it from now on goes out. */
  shut(): void {
    this.#shut = true;
  }

  #queue(work: () => Promise<void>): void {
    const mine = (this.#before ?? Promise.resolve()).then(work).then(() => {
      if (this.#before === mine) this.#before = undefined;
    });
    this.#before = mine;
  }
}
