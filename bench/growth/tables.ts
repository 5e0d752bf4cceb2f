import type { Table } from '../fleet/tables.js';
import type { GrowthResults } from './results.js';

/** What a run takes with the least and with the most of each thing. */
export function growthTable({ series }: GrowthResults): Table {
  const head = ['On the host', '', 'Processor time (quartiles)', 'Peak memory'];
  const lines = series.flatMap(({ name, of, points }) =>
    points.map(({ size, processorMs: [low, middle, high], peakMiB }) => [
      name,
      `${size.toLocaleString('en')} ${size === 1 ? of.replace(/s$/, '') : of}`,
      `${middle} ms (${low}–${high})`,
      `${peakMiB} MiB`,
    ]),
  );
  return { head, lines };
}
