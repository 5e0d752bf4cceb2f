import type { Writable } from 'node:stream';
import { onOneLine } from '../model/printable.js';

/** Where the command line prints: data to `out`, everything else to `err`. */
export interface Output {
  readonly out: Writable;
  readonly err: Writable;
  /** Whether `err` is a terminal that takes control characters. */
  readonly interactive: boolean;
  /** How wide `err` is now; 0: it is no terminal, or one that does not say. */
  readonly columns: number;
  /** Present: complete lines are wanted on a terminal too, without a spinner and a countdown. */
  readonly plain?: true;
  /** Whether words may be made to stand out. */
  readonly color: boolean;
  /** Present: by colours of the 256 too; absent: by bold alone, for everybody sets the 16 others otherwise. */
  readonly colours?: true;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** What is told by a style: it went well, it did not, it deserves a look; it is the one line to read; it can be passed over. */
export type Style = 'good' | 'bad' | 'notice' | 'strong' | 'faint';

/**
 * Of the 256 colours, those that are the same on every terminal and have a contrast of 4.5:1 on black and on white. None
 * of the first 16, which everybody sets otherwise, is readable on both.
 */
export const COLOURS = { good: 29, bad: 131, faint: 243 } as const;

const BOLD = ['1', '22'] as const;
const PLAIN = ['', ''] as const;

/** The text on one line, without what could steer a terminal, in a style where the output has one. */
export function styled(output: Pick<Output, 'color' | 'colours'>, style: Style, text: string): string {
  const shown = onOneLine(text);
  const [on, off] = codesOf(output, style);
  return on === '' ? shown : `\u001b[${on}m${shown}\u001b[${off}m`;
}

function codesOf(
  { color, colours }: Pick<Output, 'color' | 'colours'>,
  style: Style,
): readonly [on: string, off: string] {
  if (!color) return PLAIN;
  if (style === 'strong' || style === 'notice') return BOLD;
  if (colours) return [`38;5;${COLOURS[style]}`, '39'];
  return style === 'faint' ? PLAIN : BOLD;
}
