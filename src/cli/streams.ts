import type { Environment, Flags } from '../settings/sources.js';
import type { Output } from './output.js';

/** How to print: what the flags ask for, what the streams are, and what the environment says of them. */
export function createOutput(flags: Flags, environment: Environment): Output {
  const dumb = environment['TERM'] === 'dumb';
  const interactive = process.stderr.isTTY === true && !dumb && environment['CI'] === undefined;
  const color =
    flags.get('color') !== false && (environment['NO_COLOR'] ?? '') === '' && process.stderr.isTTY === true && !dumb;
  return {
    out: process.stdout,
    err: process.stderr,
    interactive,
    columns: process.stderr.columns ?? 0,
    color,
    json: flags.get('json') === true,
    quiet: flags.get('quiet') === true,
    verbose: flags.get('verbose') === true,
  };
}

/** Whoever reads our output may go away first (`| head`): that is no fault of ours. */
export function tolerateClosedStreams(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
