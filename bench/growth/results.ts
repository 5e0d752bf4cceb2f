import { readFileSync } from 'node:fs';

/** What `npm run bench:growth` has measured: the content of docs/growth.json. */
export interface GrowthResults {
  readonly machine: string;
  readonly rounds: number;
  readonly series: readonly GrowthSeries[];
}

/** How a run grows with one thing. */
export interface GrowthSeries {
  readonly name: string;
  /** What the sizes count. */
  readonly of: string;
  readonly points: readonly GrowthPoint[];
}

/** What a run takes with so much of it. */
export interface GrowthPoint {
  readonly size: number;
  /** Processor time, in milliseconds: lower quartile, median, upper quartile. */
  readonly processorMs: readonly [number, number, number];
  /** The most memory at once, in MiB; the median. */
  readonly peakMiB: number;
}

/** What was measured, as it lies in docs. */
export function readGrowth(): GrowthResults {
  return JSON.parse(readFileSync(new URL('../../docs/growth.json', import.meta.url), 'utf8'));
}
