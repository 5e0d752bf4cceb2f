import { splayDelay } from '../../src/host/splay.js';
import { backOff } from '../../src/journey/back-off.js';
import { EventQueue } from './event-queue.js';
import { round, timesOfShares } from './results.js';
import { pauseAfterRun, type Way } from './ways.js';

/** A manager as simple as can be: so many connections at a time, each for a fixed time, and the rest is reset at once. */
export interface Capacity {
  readonly atOnce: number;
  /** How long authd is occupied with one request. */
  readonly serviceMs: number;
}

/** What is assumed of a way to go about it; a host that has failed as often as this gives up. */
export type SimulatedWay = Pick<Way, 'splayS' | 'retries' | 'pausesS'> & { readonly runsAtMost?: number };

/** How a simulated fleet fared. */
export interface SimulatedFleet {
  /** Hosts that gave up. */
  readonly without: number;
  /** When each share of the hosts that have one had its key, in seconds: of `SHARES`. */
  readonly keyS: readonly number[];
  /** Connections to authd: of one host on average, and of all in the worst second. */
  readonly asked: number;
  readonly worstSecond: number;
}

/**
 * A fleet of any size that starts at one instant. Every host of it draws with the program's own splay and back-off, from
 * a sequence that the seed decides, so the same is given each time.
 */
export function simulateFleet(hosts: number, way: SimulatedWay, capacity: Capacity, seed = 1): SimulatedFleet {
  const random = sequence(seed);
  const splayMs = Array.from({ length: hosts }, (_, number) => splayDelay(`host-${number}`, way.splayS * 1000));
  const tries = new Uint32Array(hosts);
  const queue = new EventQueue();
  splayMs.forEach((ms, number) => {
    queue.add(ms, number);
  });
  const slots = new Float64Array(capacity.atOnce);
  const perSecond = new Map<number, number>();
  const keyAtMs: number[] = [];
  let [asked, without] = [0, 0];
  for (let event = queue.next(); event !== undefined; event = queue.next()) {
    const { at, number } = event;
    asked += 1;
    const second = Math.floor(at / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    const slot = slots.findIndex((busyUntil) => busyUntil <= at);
    if (slot >= 0) {
      slots[slot] = at + capacity.serviceMs;
      keyAtMs.push(at + capacity.serviceMs);
      continue;
    }
    const failures = (tries[number] ?? 0) + 1;
    tries[number] = failures;
    const inRun = failures % (way.retries + 1);
    const runs = Math.floor(failures / (way.retries + 1));
    if (inRun !== 0) queue.add(at + backOff(inRun, random()), number);
    else if (runs >= (way.runsAtMost ?? Number.POSITIVE_INFINITY)) without += 1;
    // Whoever starts the program again has it wait for its turn again.
    else queue.add(at + pauseAfterRun(way, runs) + (splayMs[number] ?? 0), number);
  }
  return {
    without,
    keyS: timesOfShares(keyAtMs),
    asked: round(asked / hosts),
    worstSecond: [...perSecond.values()].reduce((worst, each) => Math.max(worst, each), 0),
  };
}

/** Numbers in [0, 1) that the seed decides (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
