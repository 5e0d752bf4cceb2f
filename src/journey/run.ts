import { abortReason, asEnrollError, EnrollError } from '../errors.js';
import { findAgent } from '../host/agent-home.js';
import type { AgentInstallation } from '../model/host.js';
import { deadline, unlessAborted } from '../net/deadline.js';
import type { CommandName } from '../settings/options.js';
import { readDeadline } from '../settings/running.js';
import type { SettingsEdge } from '../settings/settings-edge.js';
import { type SettingsInput, type Settled, settle } from '../settings/settle.js';
import { type Environment, type Flags, type GivenBy, Sources } from '../settings/sources.js';
import type { Journey } from './context.js';
import type { JourneyEvent, Observe } from './events.js';
import type { JourneyEdge } from './journey-edge.js';
import { withPlaceOfValue } from './refused-value.js';
import { emptyReport, type Report, withError, withEvent } from './report.js';

/** What a run of a command is given. */
export interface RunInput {
  readonly command: CommandName;
  readonly flags: Flags;
  readonly given: GivenBy;
  readonly environment: Environment;
  readonly edge: JourneyEdge;
  /** Where settings are read from, until the signal. */
  readonly settingsEdge: (signal: AbortSignal) => SettingsEdge;
  readonly observe: Observe;
  readonly signal: AbortSignal;
}

/** What has come of a run. */
export interface RunOutcome<T> {
  /** How far it came, if it failed. */
  readonly report: Report;
  readonly ended: { readonly ok: true; readonly result: T } | { readonly ok: false; readonly error: EnrollError };
}

/**
 * Runs a command from its settings to its report: settles, takes the steps, all of it within the deadline that the
 * settings name. Nothing is thrown; what went wrong is in the outcome.
 */
export async function run<T extends { readonly changed: boolean }>(
  input: RunInput,
  steps: (journey: Journey) => Promise<T>,
): Promise<RunOutcome<T>> {
  const { command, edge, signal } = input;
  let report: Report = emptyReport(command);
  let shown: Settled['shown'] = [];
  const observe = (event: JourneyEvent) => {
    report = withEvent(report, event);
    input.observe(event);
  };
  try {
    const result = await withinDeadline(deadlineOf(input), signal, async (limit) => {
      const { settled, agent } = await settleOn({ ...input, observe, signal: limit }, settle);
      shown = settled.shown;
      return await steps({ settings: settled.settings, agent, edge, observe, signal: limit });
    });
    report = { ...report, ok: true, changed: result.changed };
    return { report, ended: { ok: true, result } };
  } catch (thrown) {
    // Once interrupted, that is why it ended, whatever broke first.
    const error = signal.aborted ? abortReason(signal) : withPlaceOfValue(asEnrollError(thrown), shown);
    return { report: withError(report, error), ended: { ok: false, error } };
  }
}

/** The deadline holds for the reading of the settings too, so it is looked for before them. */
function deadlineOf({ command, flags, environment, given }: RunInput): number | undefined {
  return readDeadline(new Sources(command, flags, environment, undefined, given));
}

/** Runs something that is cut off after so long, or never. */
async function withinDeadline<T>(
  ms: number | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (ms === undefined) return await work(signal);
  const text = `The run was not finished within ${ms / 1000} s (--deadline).`;
  const limit = deadline(signal, ms, () => new EnrollError('DEADLINE_PASSED', text));
  try {
    return await work(limit.signal);
  } finally {
    limit.clear();
  }
}

/**
 * Finds the agent on this host and settles what is to be done with it. What the user should know is told as warnings,
 * also where settling fails afterwards.
 *
 * @param settles `settle`, or `settleInPart`
 * @throws EnrollError as that does, and the signal's reason
 */
export async function settleOn<S extends Settled>(
  { command, flags, given, environment, edge, settingsEdge, observe, signal }: RunInput,
  settles: (input: SettingsInput) => Promise<S>,
): Promise<{ readonly settled: S; readonly agent: AgentInstallation }> {
  const find = async () => {
    const agent = await findAgent(placesOf(flags), edge.system);
    // What an abort has left behind speaks to nobody any more.
    const warn = (text: string) => (signal.aborted ? undefined : observe({ kind: 'warning', text }));
    const input = { command, flags, given, environment, agent, edge: settingsEdge(signal), warn };
    return { settled: await settles(input), agent };
  };
  // A password may be awaited from a standard input that never says a word.
  return await unlessAborted(find(), signal);
}

function placesOf(flags: Flags): { home?: string; keysFile?: string } {
  const home = flags.get('agent-home');
  const keysFile = flags.get('keys');
  return { ...(typeof home === 'string' ? { home } : {}), ...(typeof keysFile === 'string' ? { keysFile } : {}) };
}
