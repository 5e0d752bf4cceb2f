import { readFileSync } from 'node:fs';

/** What `npm run bench:fleet` has measured: the content of docs/fleet.json. */
export interface FleetResults {
  readonly hosts: number;
  /** How many connections authd and remoted each serve at a time. */
  readonly atOnce: number;
  /** How often remoted reads the keys, in seconds. */
  readonly reloadS: number;
  readonly machine: string;
  /** Whether the hosts were in network namespaces of their own. */
  readonly network: 'namespaces' | 'loopback';
  readonly runs: readonly WayResult[];
  /** What a large fleet comes to, in the order of `SIMULATED_WAYS`. */
  readonly simulated: readonly SimulatedFleet[];
  /** Handshakes alone, and whole runs with the key that is there. */
  readonly handshakes: SteadyResult;
  readonly runsAgain: SteadyResult;
}

/** How one way went. */
export interface WayResult {
  readonly name: string;
  readonly what: string;
  /** Hosts whose manager has answered. */
  readonly answered: number;
  /** Agents that the manager has in the end, and how often it registered one. */
  readonly agents: number;
  readonly registered: number;
  /** When each share of the hosts had its key, and its answer: seconds, of {@link SHARES}. */
  readonly keyS: readonly number[];
  readonly answerS: readonly number[];
  /** Connections to authd, of one host. */
  readonly asked: Spread;
  /** Messages to remoted that ask for an answer, of one host. */
  readonly messages: Spread;
  /** Runs that failed, of all hosts, by the code of the error. */
  readonly failed: Readonly<Record<string, number>>;
  /** Hosts that asked more than four times: beyond the retries that a run has unless it is told otherwise. */
  readonly beyondDefault: number;
  /** Connections that were reset. */
  readonly resetBy: { readonly authd: number; readonly remoted: number };
  /** Lines that the manager wrote into its log. */
  readonly logLines: number;
}

/** Of many hosts. */
export interface Spread {
  readonly mean: number;
  readonly max: number;
}

/** The same many times in one process. */
export interface SteadyResult {
  readonly times: number;
  readonly seconds: number;
  /** In MiB, after the first fifth and at the end. */
  readonly heapMiB: readonly [number, number];
  readonly rssMiB: readonly [number, number];
}

/** How a simulated fleet fared. */
export interface SimulatedFleet {
  /** Hosts that gave up. */
  readonly without: number;
  /** When each share of the hosts that have one had its key, in seconds: of {@link SHARES}. */
  readonly keyS: readonly number[];
  /** Connections to authd: of one host on average, and of all in the worst second. */
  readonly asked: number;
  readonly worstSecond: number;
}

/** The shares of the fleet that times are kept of: every 40th part. */
export const SHARES: readonly number[] = Array.from({ length: 40 }, (_, at) => (at + 1) / 40);

/** The times at which each of the {@link SHARES} was reached, in seconds with one decimal. */
export function timesOfShares(atMs: readonly number[]): readonly number[] {
  const sorted = [...atMs].sort((a, b) => a - b);
  return SHARES.map((share) => round((sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) / 1000));
}

/** Of one number a host. */
export function spreadOf(numbers: readonly number[]): Spread {
  const sum = numbers.reduce((before, each) => before + each, 0);
  return { mean: round(sum / numbers.length), max: numbers.reduce((before, each) => Math.max(before, each), 0) };
}

/** With one decimal. */
export function round(number: number): number {
  return Math.round(number * 10) / 10;
}

/** What was measured, as it lies in docs. */
export function readResults(): FleetResults {
  return JSON.parse(readFileSync(new URL('../../docs/fleet.json', import.meta.url), 'utf8'));
}
