import { EXIT, type ExitCode } from '../errors.js';
import type { FileEdge } from '../files/file-edge.js';
import type { Journey } from '../journey/context.js';
import { nodeJourneyEdge } from '../journey/journey-edge.js';
import { type RunInput, run } from '../journey/run.js';
import { type Lookup, systemLookup } from '../net/lookup.js';
import { lookupProcess } from '../net/lookup-process.js';
import type { CommandName } from '../settings/options.js';
import { nodeSettingsEdge, type SettingsEdge } from '../settings/settings-edge.js';
import { ask, terminalOf } from './ask.js';
import type { CommandContext } from './command-context.js';
import { createReporter } from './create-reporter.js';
import { endsBesideThreads } from './leave.js';
import type { Output } from './output.js';
import { isBinary } from './program-version.js';
import type { Reporter } from './reporter.js';

/**
 * Runs a command that ends in a report, and shows what happens as it happens.
 *
 * @param around what a command puts around the reporter that fits its output
 * @returns the exit code; errors are shown, not thrown
 */
export async function runJourney(
  command: CommandName,
  context: CommandContext,
  steps: (journey: Journey) => Promise<{ readonly changed: boolean }>,
  around: (reporter: Reporter) => Reporter = (reporter) => reporter,
): Promise<ExitCode> {
  const reporter = around(await createReporter(context.output, context.signal));
  const input = { ...inputOf(command, context), observe: reporter.event.bind(reporter) };
  const { report, ended } = await run(input, steps);
  if (ended.ok) {
    reporter.finish(report);
    return EXIT.ok;
  }
  reporter.fail(ended.error, report);
  return ended.error.exitCode;
}

/** What the command line gives to a run, but for who observes it. */
export function inputOf(command: CommandName, context: CommandContext): Omit<RunInput, 'observe'> {
  const { flags, environment, output, signal, uninterrupted } = context;
  const edge = { ...nodeJourneyEdge(environment, lookupLeftBehind()), uninterrupted };
  return {
    command,
    flags,
    given: 'arguments',
    environment,
    edge,
    settingsEdge: (limit) => settingsEdge(edge.disk, output, limit),
    signal,
  };
}

/** A look-up that this process need not wait for when it ends. */
function lookupLeftBehind(): Lookup {
  // A binary of ours would not run another script than its own.
  if (endsBesideThreads() || isBinary()) return systemLookup;
  return lookupProcess({ program: process.execPath, environment: process.env }, systemLookup);
}

/** Where settings are read. A password that is read from standard input is asked for where that is a terminal. */
function settingsEdge(disk: FileEdge, output: Output, signal: AbortSignal): SettingsEdge {
  const edge = nodeSettingsEdge(disk, signal);
  const terminal = terminalOf(output.err);
  if (terminal === undefined) return edge;
  const prompt = 'Password (it is not displayed): ';
  return {
    ...edge,
    readInputLine: async (limit) => Buffer.from(await ask(terminal, { prompt, echo: false, limit }, signal)),
  };
}
