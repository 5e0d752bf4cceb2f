import { escaped, picture } from './svg.js';

/** The steps, from left to right, with what each does. */
const STEPS = [
  { name: 'detect', does: ['who this host is,', 'which manager,', 'what is there already'] },
  { name: 'ask', does: ['authd, REST API', 'or HTTPS', 'for a key'] },
  { name: 'write', does: ['client.keys,', 'whole or not at all,', 'before all else'] },
  { name: 'prove', does: ['a message encrypted', 'with this key, until it', 'is acknowledged'] },
  { name: 'report', does: ['what happened,', 'what to do,', 'and the exit code'] },
] as const;

type Step = (typeof STEPS)[number]['name'];

/** The ways that skip steps, and those that go back; `row` counts from the boxes, away from them. */
interface Way {
  readonly from: Step;
  readonly to: Step;
  readonly side: 'above' | 'below';
  readonly row: number;
  readonly says: string;
}

const WAYS: readonly Way[] = [
  { from: 'detect', to: 'prove', side: 'above', row: 1, says: 'a key is there: it is tried first' },
  { from: 'prove', to: 'ask', side: 'below', row: 1, says: 'the manager does not know the key: enroll again' },
  {
    from: 'report',
    to: 'detect',
    side: 'below',
    row: 2,
    says: 'run again: a key that works is left alone, a run that was killed is finished',
  },
];

const MARGIN = 16;
const BOX = { width: 152, height: 104, gap: 24, top: 84 } as const;
const ROW = 38;
const INK = '#1f2328';
const LINE = '#0550ae';
const WIDTH = 2 * MARGIN + STEPS.length * BOX.width + (STEPS.length - 1) * BOX.gap;
const HEIGHT = BOX.top + BOX.height + 2 * ROW + 28;

const leftOf = (step: Step) => MARGIN + STEPS.findIndex(({ name }) => name === step) * (BOX.width + BOX.gap);

/** The journey of a host, from no key to the report, as SVG. */
export function drawJourney(): string {
  const steps = STEPS.map(({ name, does }, index) => `${index + 1}. ${name}: ${does.join(' ')}.`);
  const ways = WAYS.map(({ from, to, says }) => `From ${from} to ${to}: ${says}.`);
  const what = {
    width: WIDTH,
    height: HEIGHT,
    font: 'sans-serif',
    size: 13,
    title: 'The journey of a host: detect, ask, write, prove, report',
    description: [...steps, ...ways].join(' '),
    background: '#ffffff',
  } as const;
  return picture(what, [
    `<text x="${MARGIN}" y="26" font-size="15" font-weight="bold" fill="${INK}">From "no key" to "the manager answered"</text>`,
    ...STEPS.flatMap(({ name, does }, index) => box(name, does, index)),
    ...WAYS.flatMap(way),
  ]);
}

function box(name: Step, does: readonly string[], index: number): string[] {
  const [left, middle] = [leftOf(name), leftOf(name) + BOX.width / 2];
  const last = index === STEPS.length - 1;
  return [
    `<rect x="${left}" y="${BOX.top}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="#eaf2fb" stroke="${LINE}"/>`,
    `<text x="${middle}" y="${BOX.top + 26}" text-anchor="middle" font-size="16" font-weight="bold" fill="${INK}">${index + 1}. ${name}</text>`,
    ...does.map(
      (line, row) =>
        `<text x="${middle}" y="${BOX.top + 50 + row * 18}" text-anchor="middle" fill="${INK}">${escaped(line)}</text>`,
    ),
    ...(last
      ? []
      : arrow([
          [left + BOX.width, BOX.top + BOX.height / 2],
          [left + BOX.width + BOX.gap, BOX.top + BOX.height / 2],
        ])),
  ];
}

/** A way leaves a box a little right of its middle, where another arrives a little left of it. */
function way({ from, to, side, row, says }: Way): string[] {
  const [start, end] = [leftOf(from) + BOX.width / 2 + 14, leftOf(to) + BOX.width / 2 - 14];
  const edge = side === 'above' ? BOX.top : BOX.top + BOX.height;
  const level = side === 'above' ? edge - row * (ROW - 12) : edge + row * ROW - 8;
  const middle = (start + end) / 2;
  return [
    ...arrow(
      [
        [start, edge],
        [start, level],
        [end, level],
        [end, edge],
      ],
      side === 'below' ? '6 4' : undefined,
    ),
    `<text x="${middle}" y="${level - 6}" text-anchor="middle" fill="${INK}">${escaped(says)}</text>`,
  ];
}

type Point = readonly [x: number, y: number];

/** A line through these points with a head at its end. */
function arrow(points: readonly Point[], dashes?: string): string[] {
  const [[fromX, fromY] = [0, 0], [x, y] = [0, 0]] = points.slice(-2);
  const [alongX, alongY] = [Math.sign(x - fromX) * 8, Math.sign(y - fromY) * 8];
  const head = [
    [x, y],
    [x - alongX - alongY / 2, y - alongY - alongX / 2],
    [x - alongX + alongY / 2, y - alongY + alongX / 2],
  ];
  const text = (of: readonly (readonly number[])[]) => of.map((point) => point.join(',')).join(' ');
  const dashed = dashes === undefined ? '' : ` stroke-dasharray="${dashes}"`;
  return [
    `<polyline points="${text(points)}" fill="none" stroke="${LINE}" stroke-width="1.5"${dashed}/>`,
    `<polygon points="${text(head)}" fill="${LINE}"/>`,
  ];
}
