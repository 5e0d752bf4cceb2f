import type { Writable } from 'node:stream';
import { onOneLine } from '../model/printable.js';

/** Where the command line prints: data to `out`, everything else to `err`. */
export interface Output {
  readonly out: Writable;
  readonly err: Writable;
  /** Whether `err` is a terminal that takes control characters. */
  readonly interactive: boolean;
  /** How wide `err` is; 0: it is no terminal, or one that does not say. */
  readonly columns: number;
  readonly color: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** The text on one line, without what could steer a terminal, in a style where the output has colours. */
export function styled(output: Output, style: keyof typeof STYLES, text: string): string {
  const shown = onOneLine(text);
  if (!output.color) return shown;
  const [on, off] = STYLES[style];
  return `\u001b[${on}m${shown}\u001b[${off}m`;
}
