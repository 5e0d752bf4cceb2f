import { COLOURS, type Style } from '../../src/cli/output.js';
import { escaped, picture } from './svg.js';

/** A part of a line that looks alike. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

/** What was seen, below what was typed for it, or a remark. */
export interface Screen {
  readonly head: Span;
  readonly lines: readonly (readonly Span[])[];
}

export const THEMES = {
  light: { background: '#ffffff', ink: '#000000', edge: '#8c959f' },
  dark: { background: '#000000', ink: '#ffffff', edge: '#6e7681' },
} as const;

/** A terminal is drawn with so many columns. */
const COLUMNS = 100;
const COLUMN = 7.8;
const LINE = 19;
const MARGIN = 16;
/** What the terminals of today make of the colours. */
const COLOUR_OF: Readonly<Partial<Record<Style, string>>> = {
  good: cubeColour(COLOURS.good),
  bad: cubeColour(COLOURS.bad),
  faint: cubeColour(COLOURS.faint),
};

/** A terminal with these screens, one below the other, as SVG. */
export function drawTerminal(screens: readonly Screen[], theme: keyof typeof THEMES): string {
  const { background, ink, edge } = THEMES[theme];
  const lines = screens.flatMap(({ head, lines }, index) => [
    ...(index === 0 ? [] : [[]]),
    ...wrapped([head]),
    ...lines.flatMap(wrapped),
  ]);
  const [width, height] = [COLUMNS * COLUMN + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const what = {
    width,
    height,
    font: 'monospace',
    size: 13,
    title: 'agent-enroll in a terminal: while it waits, at its end, and run again',
    description: lines.map((spans) => spans.map(({ text }) => text).join('')).join('\n'),
    background,
  } as const;
  return picture(what, [
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="none" stroke="${edge}"/>`,
    ...lines.flatMap((spans, row) => drawnLine(spans, MARGIN + row * LINE + 14, ink)),
  ]);
}

/** Each part has its place and its length, so that the columns are columns in whatever font there is. */
function drawnLine(spans: readonly Span[], y: number, ink: string): string[] {
  let column = 0;
  return spans.flatMap(({ text, style }) => {
    const lead = text.length - text.trimStart().length;
    const shown = text.trim();
    const x = number(MARGIN + (column + lead) * COLUMN);
    column += text.length;
    if (shown === '') return [];
    const weight = style === 'strong' || style === 'notice' ? ' font-weight="bold"' : '';
    const fill = (style && COLOUR_OF[style]) ?? ink;
    const length = number(shown.length * COLUMN);
    return [`<text x="${x}" y="${y}" textLength="${length}" fill="${fill}"${weight}>${escaped(shown)}</text>`];
  });
}

/** A line as a terminal breaks it: where it is full. */
function wrapped(spans: readonly Span[]): readonly (readonly Span[])[] {
  const lines: Span[][] = [[]];
  let left = COLUMNS;
  for (const { text, ...style } of spans) {
    let rest = text;
    while (rest.length > left) {
      lines.at(-1)?.push({ text: rest.slice(0, left), ...style });
      rest = rest.slice(left);
      lines.push([]);
      left = COLUMNS;
    }
    lines.at(-1)?.push({ text: rest, ...style });
    left -= rest.length;
  }
  return lines;
}

/** One of the 256 colours: a cube of six levels of red, green and blue, and greys behind it. */
function cubeColour(colour: number): string {
  const levels = [0, 95, 135, 175, 215, 255];
  const place = colour - 16;
  const grey = 8 + 10 * (colour - 232);
  const rgb =
    colour >= 232
      ? [grey, grey, grey]
      : [Math.floor(place / 36), Math.floor(place / 6) % 6, place % 6].map((level) => levels[level] ?? 0);
  return `#${rgb.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}
