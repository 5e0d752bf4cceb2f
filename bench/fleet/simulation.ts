import { splayDelay } from '../../src/host/splay.js';
import { backOff } from '../../src/journey/back-off.js';
import { EventQueue } from './event-queue.js';
import { round, type SimulatedFleet, timesOfShares } from './results.js';
import { pauseAfterRun, WAYS, type Way } from './ways.js';

/** A manager as simple as can be: so many connections at a time, each for a fixed time, and the rest is reset at once. */
export interface Capacity {
  readonly atOnce: number;
  /** How long authd is occupied with one request. */
  readonly serviceMs: number;
  /** No two hosts boot alike: they start evenly within this time. */
  readonly startsWithinMs: number;
}

/** A way to go about it; a host whose runs have failed as often as this gives up. */
export type SimulatedWay = Omit<Way, 'by'> & { readonly runsAtMost?: number };

/** What is simulated of each of the {@link SIMULATED_WAYS}. */
export const SIMULATED = { hosts: 100_000, atOnce: 50, serviceMs: 250, startsWithinMs: 5000 } as const;

// Its Restart=, RestartSec= and StartLimitBurst=.
const UNIT = { retries: 3, pausesS: [300], runsAtMost: 20 } as const;
const PEERS = WAYS.filter(({ by }) => by === 'peer');
const BACK_OFF = WAYS.filter(({ by, splayS }) => by === 'agent-enroll' && splayS === 0);

/** The ways that a large fleet is simulated with. */
export const SIMULATED_WAYS: readonly SimulatedWay[] = [
  ...PEERS,
  ...BACK_OFF,
  { ...UNIT, name: 'the systemd unit as it is', what: '`--splay 2m`, three retries, again after 5 min', splayS: 120 },
  { ...UNIT, name: 'the unit, splay of 10 min', what: '`--splay 10m`, three retries, again after 5 min', splayS: 600 },
];

/** One of them, with the numbers of {@link SIMULATED}. */
export function simulateWay(way: SimulatedWay): SimulatedFleet {
  return simulateFleet(SIMULATED.hosts, way, SIMULATED);
}

/**
 * A fleet of any size that starts at once. Every host of it draws with the program's own splay and back-off, from
 * a sequence that the seed decides, so the same is given each time.
 */
export function simulateFleet(
  hosts: number,
  way: Omit<SimulatedWay, 'name' | 'what'>,
  capacity: Capacity,
  seed = 1,
): SimulatedFleet {
  const random = sequence(seed);
  const splayMs = Array.from({ length: hosts }, (_, number) => splayDelay(`host-${number}`, way.splayS * 1000));
  const tries = new Uint32Array(hosts);
  const queue = new EventQueue();
  splayMs.forEach((ms, number) => {
    queue.add(random() * capacity.startsWithinMs + ms, number);
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
