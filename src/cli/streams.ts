import type { Environment, Flags } from '../settings/sources.js';
import type { Output } from './output.js';

/** How to print: what the flags ask for, what the streams are, and what the environment says of them. */
export function createOutput(flags: Flags, environment: Environment): Output {
  const dumb = environment['TERM'] === 'dumb';
  const interactive = process.stderr.isTTY === true && !dumb && environment['CI'] === undefined;
  return {
    out: process.stdout,
    err: process.stderr,
    interactive,
    // A window is made wider and narrower while one waits.
    get columns() {
      return process.stderr.columns ?? 0;
    },
    ...(flags.get('plain') === true ? { plain: true } : {}),
    ...(flags.get('color') === false ? { color: false } : coloursOf(environment, process.stderr)),
    json: flags.get('json') === true,
    quiet: flags.get('quiet') === true,
    verbose: flags.get('verbose') === true,
  };
}

/** What `coloursOf` asks a stream, which may be a terminal. */
export interface MaybeTerminal {
  readonly isTTY?: boolean;
  getColorDepth?(environment: object): number;
}

/** From so many bits on a terminal has the 256 colours. */
const BITS_OF_256 = 8;

/**
 * What colours may be printed: FORCE_COLOR decides before NO_COLOR, and both before what the stream is. 0 and false force
 * colours off; 2 and 3 say that there are 256 colours or more.
 */
export function coloursOf(environment: Environment, stream: MaybeTerminal): Pick<Output, 'color' | 'colours'> {
  const forced = environment['FORCE_COLOR'] ?? '';
  if (forced === '0' || forced === 'false') return { color: false };
  if (forced === '2' || forced === '3') return { color: true, colours: true };
  const off = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb' || stream.isTTY !== true;
  if (forced === '' && off) return { color: false };
  // The two are decided upon, and Node would warn of them.
  const asked = Object.create(environment, { FORCE_COLOR: { value: undefined }, NO_COLOR: { value: undefined } });
  const with256 = (stream.getColorDepth?.(asked) ?? 1) >= BITS_OF_256;
  return { color: true, ...(with256 ? { colours: true } : {}) };
}

/** Whoever reads our output may go away first (`| head`): that is no fault of ours. */
export function tolerateClosedStreams(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
