import { DAEMONS, FAMILIES, KEYS, MANAGERS, type Outcome, ruleFor, type State } from '../../test/states/states.js';
import { escaped, picture } from './svg.js';

/** How a run can end, in the words of the cells; the colour only repeats them. */
const ENDS = {
  'kept proven': {
    key: 'kept',
    link: 'proven',
    fill: '#d6f0e2',
    says: 'the present key is left alone, and the manager answered it',
  },
  'new proven': {
    key: 'new key',
    link: 'proven',
    fill: '#d4e6fb',
    says: 'the host enrolls, and the manager answered the new key',
  },
  'new unproven': {
    key: 'new key',
    link: 'not proven',
    fill: '#fdeac3',
    says: 'the host enrolls; what is left to do is said',
  },
  'kept unproven': {
    key: 'kept',
    link: 'not proven',
    fill: '#eceff2',
    says: 'nothing is changed; what is wrong is said',
  },
  none: { key: 'no key', link: 'none came', fill: '#fbdfdc', says: 'there was no key, and none could be got' },
} as const;
type End = keyof typeof ENDS;

/** A column: what is seen of the manager without a daemon, or a daemon beside a manager that answers. */
interface Column {
  readonly head: string;
  readonly state: Pick<State, 'manager' | 'daemon'>;
}

const COLUMNS: readonly Column[] = [
  ...MANAGERS.map((manager): Column => ({ head: manager, state: { manager, daemon: 'none' } })),
  ...DAEMONS.filter((daemon) => daemon !== 'none').map(
    (daemon): Column => ({ head: daemon, state: { manager: 'answers', daemon } }),
  ),
];

const LEFT = 132;
const TOP = 112;
const CELL = { width: 82, height: 50 } as const;
/** Between the columns of the manager and those of the daemon. */
const GAP = 14;
const INK = '#1f2328';
const WIDTH = LEFT + COLUMNS.length * CELL.width + GAP + 12;
const LEGEND = TOP + KEYS.length * CELL.height + 34;
const HEIGHT = LEGEND + Object.keys(ENDS).length * 22 + 34;

const leftOf = (column: number) => LEFT + column * CELL.width + (column < MANAGERS.length ? 0 : GAP);

/** The table of states as one grid, for `enroll` with its defaults: the present key down, what is seen across. */
export function drawStates(): string {
  const rows = KEYS.map((key) => {
    const cells = COLUMNS.map(({ head, state }) => `${head}: ${cellOf(key, state).lines.join(', ')}`);
    return `Key ${key}: ${cells.join('; ')}.`;
  });
  const what = {
    width: WIDTH,
    height: HEIGHT,
    font: 'sans-serif',
    size: 12,
    title: 'What enroll comes to, by the key that is there and what is seen of the manager and the agent daemon',
    description: rows.join(' '),
    background: '#ffffff',
  } as const;
  return picture(what, [
    text(16, 28, 'What "enroll" comes to, and its exit code', 'font-size="16" font-weight="bold"'),
    text(LEFT, 58, 'Manager: what is seen at its ports, no daemon on the host', 'font-weight="bold"'),
    text(leftOf(MANAGERS.length), 58, 'Daemon on the host, manager answers', 'font-weight="bold"'),
    text(16, 58, 'Key', 'font-weight="bold"'),
    ...COLUMNS.flatMap(({ head }, column) =>
      twoLines(head).map((line, row) => text(leftOf(column) + CELL.width / 2, 82 + row * 15, line, MIDDLE)),
    ),
    ...KEYS.flatMap((key, row) => [
      text(16, TOP + row * CELL.height + 29, key, 'font-weight="bold"'),
      ...COLUMNS.flatMap(({ state }, column) => drawn(cellOf(key, state), leftOf(column), TOP + row * CELL.height)),
    ]),
    ...Object.values(ENDS).flatMap(({ key, link, fill, says }, row) => [
      `<rect x="16" y="${LEGEND + row * 22 - 13}" width="18" height="16" fill="${fill}" stroke="#8c959f"/>`,
      text(44, LEGEND + row * 22, `${key}, ${link}`, 'font-weight="bold"'),
      text(190, LEGEND + row * 22, says),
    ]),
    text(
      16,
      HEIGHT - 14,
      "A last line of a cell: where a Wazuh of this version, or an OSSEC, comes to something else. Without notes of an earlier run, but for another machine's key.",
    ),
  ]);
}

const MIDDLE = 'text-anchor="middle"';

/** The families as there is space for them. */
const SHORT = { 'wazuh-5': '5.x', 'wazuh-4': '4.x', 'wazuh-3': '3.x', ossec: 'ossec' } as const;

interface Cell {
  readonly end?: End;
  readonly lines: readonly string[];
}

function cellOf(key: State['key'], state: Column['state']): Cell {
  const notes = key === "another machine's" ? 'this key' : 'none';
  const outcomes = FAMILIES.map((family) => {
    const outcome = ruleFor({ command: 'enroll', key, notes, family, ...state })?.outcome;
    return { family, outcome };
  });
  const usual = outcomes.find(({ family }) => family === 'wazuh-4')?.outcome;
  if (usual === undefined || usual === 'cannot be') return { lines: ['cannot be'] };
  const end = endOf(key, usual);
  const others = outcomes.flatMap(({ family, outcome }) => {
    if (outcome === undefined || outcome === 'cannot be') return [];
    const same = outcome.exit === usual.exit && endOf(key, outcome) === end;
    return same ? [] : [`${SHORT[family]}: ${ENDS[endOf(key, outcome)].key}, ${outcome.exit}`];
  });
  return { end, lines: [ENDS[end].key, `${ENDS[end].link}, ${usual.exit}`, ...others] };
}

function endOf(key: State['key'], { exit, changed }: Outcome): End {
  if (changed) return exit === 0 ? 'new proven' : 'new unproven';
  if (exit === 0) return 'kept proven';
  return key === 'none' ? 'none' : 'kept unproven';
}

function drawn({ end, lines }: Cell, x: number, y: number): string[] {
  const fill = end === undefined ? '#ffffff' : ENDS[end].fill;
  const first = y + CELL.height / 2 + 4 - (lines.length - 1) * 7.5;
  return [
    `<rect x="${x}" y="${y}" width="${CELL.width}" height="${CELL.height}" fill="${fill}" stroke="#8c959f"/>`,
    ...lines.map((line, row) =>
      text(x + CELL.width / 2, first + row * 15, line, row === 2 ? `${MIDDLE} font-size="11"` : MIDDLE),
    ),
  ];
}

function text(x: number, y: number, words: string, how = ''): string {
  return `<text x="${x}" y="${y}" fill="${INK}"${how === '' ? '' : ` ${how}`}>${escaped(words)}</text>`;
}

/** The head of a column on lines of about the same length. */
function twoLines(head: string): readonly string[] {
  const words = head.split(' ');
  if (words.length === 1) return [head];
  const first = words.length - 1;
  return [words.slice(0, first).join(' '), words.slice(first).join(' ')];
}
