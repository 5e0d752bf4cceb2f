import { abortReason, asEnrollError, EnrollError } from '../errors.js';
import { type AgentPlace, findAgent } from '../host/agent-home.js';
import type { AgentInstallation } from '../model/host.js';
import { deadline, unlessAborted } from '../net/deadline.js';
import type { CommandName, OptionName } from '../settings/options.js';
import { readDeadline } from '../settings/running.js';
import type { SettingsEdge } from '../settings/settings-edge.js';
import { type SettingsInput, type Settled, settle } from '../settings/settle.js';
import { type Environment, type Flags, type GivenBy, Sources } from '../settings/sources.js';
import type { Journey } from './context.js';
import { Discoveries } from './discoveries.js';
import type { JourneyEvent, Observe } from './events.js';
import { HeldSteps, inTime } from './in-time.js';
import type { JourneyEdge } from './journey-edge.js';
import { notAcknowledged } from './not-acknowledged.js';
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
  const { command, signal } = input;
  let report: Report = emptyReport(command);
  let shown: Settled['shown'] = [];
  let over = false;
  const observe = (event: JourneyEvent) => {
    // What was left behind speaks to nobody any more.
    if (over) return;
    report = withEvent(report, event);
    input.observe(event);
  };
  try {
    const result = await withinLimits({ ...input, observe }, async (limited) => {
      const { settled, agent } = await settleOn(limited, settle);
      shown = settled.shown;
      const { edge, signal: limit } = limited;
      const discoveries = new Discoveries();
      return await steps({ settings: settled.settings, agent, edge, observe, discoveries, signal: limit });
    });
    report = { ...report, ok: true, changed: result.changed };
    return { report, ended: { ok: true, result } };
  } catch (thrown) {
    // Once interrupted, that is why it ended, whatever broke first.
    const caught = signal.aborted ? abortReason(signal) : withPlaceOfValue(asEnrollError(thrown), shown);
    const error = report.changed && command !== 'retire' ? notAcknowledged(caught) : caught;
    return { report: withError(report, error), ended: { ok: false, error } };
  } finally {
    over = true;
  }
}

/**
 * Runs something with its signal: it is cut off by the deadline of the run, if there is one, and what does not end by
 * itself then, or when the run is interrupted, is left behind.
 *
 * @param work is given the input with its own signal and edge
 * @throws EnrollError `SETTING_INVALID` for the deadline, `DEADLINE_PASSED`, the signal's reason, and what the work throws
 */
export async function withinLimits<T>(input: RunInput, work: (limited: RunInput) => Promise<T>): Promise<T> {
  const { edge, signal } = input;
  const ms = deadlineOf(input);
  const held = new HeldSteps(edge.uninterrupted);
  const limited = (limit: AbortSignal) => ({
    ...input,
    edge: { ...edge, uninterrupted: held.uninterrupted },
    signal: limit,
  });
  if (ms === undefined) return await inTime(work(limited(signal)), signal, held, edge.now);
  const text = `The run was not finished within ${ms / 1000} s (--deadline).`;
  const limit = deadline(signal, ms, () => new EnrollError('DEADLINE_PASSED', text));
  try {
    return await inTime(work(limited(limit.signal)), limit.signal, held, edge.now);
  } finally {
    limit.clear();
  }
}

/** The deadline holds for the reading of the settings too, so it is looked for before them. */
function deadlineOf({ command, flags, environment, given }: RunInput): number | undefined {
  return readDeadline(new Sources(command, flags, environment, undefined, given));
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

function placesOf(flags: Flags): AgentPlace {
  const text = (name: OptionName) => {
    const given = flags.get(name);
    return typeof given === 'string' ? given : undefined;
  };
  return { home: text('agent-home'), keysFile: text('keys') };
}
