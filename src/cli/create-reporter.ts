import { JsonReporter } from './json-reporter.js';
import type { Output } from './output.js';
import { PlainReporter } from './plain-reporter.js';
import type { Reporter } from './reporter.js';

/** On a narrower terminal a spinner is more trouble than help. */
const NARROWEST = 20;

/**
 * The reporter that fits where the output goes.
 *
 * @param signal of the run: once it is aborted nothing moves on a terminal any more
 */
export async function createReporter(output: Output, signal: AbortSignal): Promise<Reporter> {
  if (output.json) return new JsonReporter(output);
  // A serial console or a half-made terminal tells no width, and a spinner cannot clear its lines without one.
  const spins = output.interactive && output.plain !== true && output.columns >= NARROWEST;
  if (spins && !output.quiet && !output.verbose) {
    const { TerminalReporter } = await import('./terminal-reporter.js');
    return TerminalReporter.create(output, signal);
  }
  return new PlainReporter(output);
}
