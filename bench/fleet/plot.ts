import { type FleetResults, SHARES } from './results.js';

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 56;
const RIGHT = 16;
const TOP = 36;
const BOTTOM = 150;
const TICKS = 8;
/** Told apart by those who see red and green alike, too. */
const COLOURS = ['#d55e00', '#e69f00', '#56b4e9', '#0072b2', '#009e73', '#cc79a7'];
const DASHES = ['', '6 3', '2 3', '', '8 3 2 3', '4 4'];

/** How the share of hosts whose manager has answered grows, as an SVG: a curve for each way. */
export function drawFleet({ hosts, runs }: FleetResults): string {
  const title = `Hosts whose manager has answered, of ${hosts} that start at once`;
  const lastS = Math.max(1, ...runs.map(({ answerS }) => answerS.at(-1) ?? 0));
  const step = niceStep(lastS / TICKS);
  const endS = Math.ceil(lastS / step) * step;
  const x = (seconds: number) => number(LEFT + (seconds / endS) * (WIDTH - LEFT - RIGHT));
  const y = (share: number) => number(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM));
  const seconds = Array.from({ length: Math.round(endS / step) + 1 }, (_, tick) => tick * step);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `  <title>${title}</title>`,
    `  <rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `  <text x="${LEFT}" y="20" font-size="14">${title}</text>`,
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      `  <line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd"/>`,
      `  <text x="${LEFT - 8}" y="${y(share)}" dy="4" text-anchor="end">${share * 100} %</text>`,
    ]),
    ...seconds.map((at) => `  <text x="${x(at)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${at} s</text>`),
    ...runs.flatMap(({ name, answerS }, run) => {
      const line = `fill="none" stroke="${COLOURS[run % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[run % DASHES.length]}"`;
      const points = answerS.map((at, index) => `${x(at)},${y(SHARES[index] ?? 1)}`);
      const below = HEIGHT - BOTTOM + 44 + run * 18;
      return [
        `  <polyline ${line} points="${[`${x(answerS[0] ?? 0)},${y(0)}`, ...points].join(' ')}"/>`,
        `  <line ${line} x1="${LEFT}" x2="${LEFT + 40}" y1="${below}" y2="${below}"/>`,
        `  <text x="${LEFT + 48}" y="${below}" dy="4">${name}</text>`,
      ];
    }),
    '</svg>',
    '',
  ].join('\n');
}

/** 1, 2 or 5 with zeros, not below the least. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? 10 * power;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}
