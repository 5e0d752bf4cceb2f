import { abortReason, asEnrollError, EnrollError, EXIT, type ExitCode } from '../errors.js';
import { findAgent } from '../host/agent-home.js';
import type { Journey } from '../journey/context.js';
import type { JourneyEvent } from '../journey/events.js';
import { type JourneyEdge, nodeJourneyEdge } from '../journey/journey-edge.js';
import { emptyReport, type Report, withError, withEvent } from '../journey/report.js';
import type { AgentInstallation } from '../model/host.js';
import { deadline, unlessAborted } from '../net/deadline.js';
import type { CommandName } from '../settings/options.js';
import type { SettingsEdge } from '../settings/password.js';
import { nodeSettingsEdge } from '../settings/settings-edge.js';
import { type Settled, settle } from '../settings/settle.js';
import type { Flags } from '../settings/sources.js';
import { ask, terminalOf } from './ask.js';
import type { CommandContext } from './command-context.js';
import { createReporter } from './create-reporter.js';
import type { Output } from './output.js';

/**
 * Runs a command that ends in a report: settles, runs, and shows what happens as it happens.
 * @returns the exit code; errors are shown, not thrown
 */
export async function runJourney(
  command: CommandName,
  context: CommandContext,
  run: (journey: Journey) => Promise<{ readonly changed: boolean }>,
): Promise<ExitCode> {
  const { output, signal } = context;
  const reporter = await createReporter(output);
  let report: Report = emptyReport(command);
  const observe = (event: JourneyEvent) => {
    report = withEvent(report, event);
    reporter.event(event);
  };
  try {
    const edge = { ...nodeJourneyEdge(context.environment), uninterrupted: context.uninterrupted };
    const { settled, agent } = await settleFor(command, context, edge);
    for (const text of settled.warnings) observe({ kind: 'warning', text });
    const { changed } = await withinDeadline(settled.settings.deadlineMs, signal, (limit) =>
      run({ settings: settled.settings, agent, edge, observe, signal: limit }),
    );
    report = { ...report, ok: true, changed };
    reporter.finish(report);
    return EXIT.ok;
  } catch (thrown) {
    const error = errorOf(thrown, signal);
    report = withError(report, error);
    reporter.fail(error, report);
    return error.exitCode;
  }
}

/** Runs something that is cut off after so long, or never. */
async function withinDeadline<T>(
  ms: number | undefined,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (ms === undefined) return await run(signal);
  const text = `The run was not finished within ${ms / 1000} s (--deadline).`;
  const limit = deadline(signal, ms, () => new EnrollError('DEADLINE_PASSED', text));
  try {
    return await run(limit.signal);
  } finally {
    limit.clear();
  }
}

/** Finds the agent on this host and settles what is to be done with it. */
export async function settleFor(
  command: CommandName,
  { flags, environment, output, signal }: CommandContext,
  edge: JourneyEdge,
): Promise<{ readonly settled: Settled; readonly agent: AgentInstallation }> {
  const find = async () => {
    const agent = await findAgent(placesOf(flags), edge.system);
    return { settled: await settle({ command, flags, environment, agent, edge: settingsEdge(output, signal) }), agent };
  };
  // A password may be awaited from a standard input that never says a word.
  return await unlessAborted(find(), signal);
}

/** Where settings are read. A password that is read from standard input is asked for where that is a terminal. */
function settingsEdge(output: Output, signal: AbortSignal): SettingsEdge {
  return {
    ...nodeSettingsEdge,
    readStandardInput: async (limit) => {
      const terminal = terminalOf(output.err);
      if (terminal === undefined) return await nodeSettingsEdge.readStandardInput(limit);
      return await ask(terminal, { prompt: 'Password (it is not displayed): ', echo: false, limit }, signal);
    },
  };
}

function placesOf(flags: Flags): { home?: string; keysFile?: string } {
  const home = flags.get('agent-home');
  const keysFile = flags.get('keys');
  return { ...(typeof home === 'string' ? { home } : {}), ...(typeof keysFile === 'string' ? { keysFile } : {}) };
}

/** Once interrupted, that is why it ended, whatever broke first. */
function errorOf(thrown: unknown, signal: AbortSignal): EnrollError {
  return signal.aborted ? abortReason(signal) : asEnrollError(thrown);
}
