import type { HttpsAnswer, Route } from './answers.js';

/** Something that goes wrong with a request although the request is right. */
export interface Fault {
  /** What is answered. `lost`: the connection ends without an answer; `none`: nothing comes, and it stays open. */
  readonly answer: HttpsAnswer | 'lost' | 'none';
  /** `after`: what was asked for is done nevertheless. `before` unless given. */
  readonly when?: 'before' | 'after';
}

/** A fault that is to come, over so many requests of a route: one unless given. */
export interface PlannedFault extends Fault {
  readonly route: Route;
  readonly times?: number;
}

/** The faults that are to come, in the order in which they were planned. */
export class Faults {
  readonly #planned: { readonly fault: PlannedFault; left: number }[] = [];

  plan(fault: PlannedFault): void {
    this.#planned.push({ fault, left: fault.times ?? 1 });
  }

  /** The fault of the request that came now. */
  take(route: Route): Fault | undefined {
    const next = this.#planned.find(({ fault, left }) => fault.route === route && left > 0);
    if (next === undefined) return undefined;
    next.left -= 1;
    return next.fault;
  }
}
