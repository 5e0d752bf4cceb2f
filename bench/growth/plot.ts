import type { GrowthResults, GrowthSeries } from './results.js';

const COLUMNS = 3;
const PANEL = 250;
const TALL = 210;
const LEFT = 40;
const RIGHT = 14;
const TOP = 56;
const BOTTOM = 52;
/** Told apart by those who see red and green alike, too. */
const TIME = 'stroke="#0072b2" stroke-width="2"';
const MEMORY = 'stroke="#d55e00" stroke-width="2" stroke-dasharray="6 3"';

/** What a run takes the more there is of something, as an SVG: one field for each thing, all with one scale. */
export function drawGrowth({ series }: GrowthResults): string {
  const title = 'What a second run takes, by what is on the host';
  const rows = Math.ceil(series.length / COLUMNS);
  const [width, height] = [COLUMNS * PANEL, rows * TALL + 60];
  const most = Math.max(...series.flatMap(({ points }) => points.flatMap((one) => [one.processorMs[1], one.peakMiB])));
  const top = Math.ceil(most / 50) * 50;
  const below = height - 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `  <title>${title}</title>`,
    `  <rect width="${width}" height="${height}" fill="#fff"/>`,
    `  <text x="${LEFT}" y="20" font-size="14">${title}</text>`,
    ...series.flatMap((one, at) => field(one, (at % COLUMNS) * PANEL, Math.floor(at / COLUMNS) * TALL, top)),
    `  <line ${TIME} x1="${LEFT}" x2="${LEFT + 30}" y1="${below}" y2="${below}"/>`,
    `  <text x="${LEFT + 36}" y="${below}" dy="4">processor time, ms</text>`,
    `  <line ${MEMORY} x1="${LEFT + 180}" x2="${LEFT + 210}" y1="${below}" y2="${below}"/>`,
    `  <text x="${LEFT + 216}" y="${below}" dy="4">peak memory, MiB</text>`,
    '</svg>',
    '',
  ].join('\n');
}

/** From the smallest to the largest, each ten times being as far as the other. */
function field({ name, of, points }: GrowthSeries, left: number, above: number, top: number): readonly string[] {
  const [start, end] = [left + LEFT, left + PANEL - RIGHT];
  const bottom = above + TALL + 30 - BOTTOM;
  const height = TALL + 30 - BOTTOM - TOP;
  const largest = Math.log10(Math.max(10, ...points.map(({ size }) => size)));
  const x = (size: number) => number(start + (Math.log10(size) / largest) * (end - start));
  const y = (value: number) => number(bottom - (value / top) * height);
  const curve = (value: (point: GrowthSeries['points'][number]) => number) =>
    points.map((point) => `${x(point.size)},${y(value(point))}`).join(' ');
  return [
    `  <text x="${start}" y="${above + TOP - 10}" font-weight="bold">${name}, ${of}</text>`,
    ...[0, top / 2, top].flatMap((value) => [
      `  <line x1="${start}" x2="${end}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`,
      `  <text x="${start - 6}" y="${y(value)}" dy="4" text-anchor="end">${value}</text>`,
    ]),
    ...points.map(
      ({ size }) =>
        `  <text x="${x(size)}" y="${bottom + 16}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
    `  <polyline fill="none" ${TIME} points="${curve(({ processorMs }) => processorMs[1])}"/>`,
    `  <polyline fill="none" ${MEMORY} points="${curve(({ peakMiB }) => peakMiB)}"/>`,
  ];
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}
