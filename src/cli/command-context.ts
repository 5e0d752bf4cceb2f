import type { JourneyEdge } from '../journey/journey-edge.js';
import type { Environment, Flags } from '../settings/sources.js';
import type { Output } from './output.js';

/** What every command is given. */
export interface CommandContext {
  readonly flags: Flags;
  /** The file that is named without an option; `-` is a stream. */
  readonly file?: string;
  readonly environment: Environment;
  readonly output: Output;
  /** Aborted by Ctrl-C and SIGTERM, with the error to end with as its reason. */
  readonly signal: AbortSignal;
  /** Runs a step that an interruption of the program must not cut off. */
  readonly uninterrupted: JourneyEdge['uninterrupted'];
}
