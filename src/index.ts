/**
 * The library: the journey from "no key" to "the manager answered", without the command line. It never prints, never
 * ends the process, and reads neither arguments nor the environment, unless it is given one.
 *
 * {@link enroll}, {@link check}, {@link importKey}, {@link exportKey} and {@link retire} do what the commands of these
 * names do. What they are made of stands below them, for programs that settle or observe in their own way.
 */
import { check as checkJourney } from './journey/check.js';
import type { Check } from './journey/checks/finding.js';
import type { Journey } from './journey/context.js';
import { enroll as enrollJourney } from './journey/enroll.js';
import type { Observe } from './journey/events.js';
import { exportKey as exportJourney } from './journey/export.js';
import { importKey as importJourney } from './journey/import.js';
import { nodeJourneyEdge } from './journey/journey-edge.js';
import type { Report } from './journey/report.js';
import { retire as retireJourney } from './journey/retire.js';
import { run } from './journey/run.js';
import type { Secret } from './model/secret.js';
import { flagsOf, type OptionsOf } from './settings/option-object.js';
import type { CommandName } from './settings/options.js';
import { nodeSettingsEdge } from './settings/settings-edge.js';
import type { Environment } from './settings/sources.js';

export { asEnrollError, EnrollError, type ErrorCode, EXIT, type ExitCode, MEANINGS } from './errors.js';
export { findAgent } from './host/agent-home.js';
export { type CheckedLink, check as checkJourney } from './journey/check.js';
export type { Check, CheckId } from './journey/checks/finding.js';
export type { Enrollment } from './journey/conclude.js';
export type { Journey } from './journey/context.js';
export { enroll as enrollJourney } from './journey/enroll.js';
export type { JourneyEvent, Observe } from './journey/events.js';
export { exportKey as exportJourney, writeExport } from './journey/export.js';
export { importKey as importJourney } from './journey/import.js';
export { type JourneyEdge, nodeJourneyEdge } from './journey/journey-edge.js';
export { emptyReport, type Report, withError, withEvent } from './journey/report.js';
export { type Retirement, type RetireOptions, retire as retireJourney } from './journey/retire.js';
export type { LinkProof } from './link/link-proof.js';
export type { AgentRecord } from './model/agent-record.js';
export type { Endpoint, ManagerFamily } from './model/endpoint.js';
export type { AgentInstallation, Host } from './model/host.js';
export { Secret } from './model/secret.js';
export type { TrustVerdict } from './net/trust.js';
export type { AgentKey, Completion, KeyRequest, KeySource } from './obtain/key-source.js';
export type { OptionsOf } from './settings/option-object.js';
export type { Settings } from './settings/settings.js';
export { nodeSettingsEdge } from './settings/settings-edge.js';
export { type Settled, settle } from './settings/settle.js';

/** What surrounds a run; all of it may be left out. */
export interface RunContext {
  /** Ends the run, with the reason where that is an {@link EnrollError}. A key that was issued is installed first. */
  readonly signal?: AbortSignal | undefined;
  /** Told what happens, as it happens. */
  readonly onEvent?: Observe | undefined;
  /** Variables that settings are looked up in, such as `process.env`; absent: none are. */
  readonly environment?: Environment | undefined;
}

/**
 * Enrolls this host and proves the link. A key that the manager acknowledges is left alone.
 *
 * @example
 * const { agent, changed } = await enroll(
 *   { manager: 'siem.example.org', passwordFile: '/run/secrets/enrollment' },
 *   { signal: AbortSignal.timeout(120_000), onEvent: ({ kind }) => log(kind) },
 * );
 * @returns what `--json` prints
 * @throws EnrollError
 */
export async function enroll(options: OptionsOf<'enroll'>, context: RunContext = {}): Promise<Report> {
  return (await runWith('enroll', options, context, enrollJourney)).report;
}

/** The report of {@link check}. */
export interface CheckReport extends Report {
  readonly checks: readonly Check[];
}

/**
 * Proves the link with the key that is there, and tells step by step what is right and what is wrong; changes nothing but
 * the message counters. Where the link does not work the event `checked` tells what was seen.
 *
 * @returns what `--json` prints
 * @throws EnrollError
 */
export async function check(options: OptionsOf<'check'>, context: RunContext = {}): Promise<CheckReport> {
  const { report, result } = await runWith('check', options, context, checkJourney);
  return { ...report, checks: result.checks };
}

/**
 * Installs a key that was exported by hand, and proves the link. Another key that is there is replaced with `yes: true`.
 *
 * @param key base64 as manage_agents and the API show it, a line of client.keys, or a manager's client.keys, of which
 * `id` or `name` choose an agent
 * @returns what `--json` prints
 * @throws EnrollError
 */
export async function importKey(
  key: string | Secret,
  options: OptionsOf<'import'>,
  context: RunContext = {},
): Promise<Report> {
  const text = typeof key === 'string' ? key : key.reveal();
  const { id, name, yes } = options;
  const choice = {
    ...(id === undefined ? {} : { id: String(id) }),
    ...(name === undefined ? {} : { name: String(name) }),
    mayReplace: async () => yes === true,
  };
  return (await runWith('import', options, context, (journey) => importJourney(journey, text, choice))).report;
}

/** The report of {@link exportKey}, with the key. */
export interface ExportReport extends Report {
  /** Base64, as `manage_agents -e` shows it and {@link importKey} reads it. */
  readonly key: Secret;
}

/**
 * This host's own key, for a backup.
 * @throws EnrollError
 */
export async function exportKey(options: OptionsOf<'export'>, context: RunContext = {}): Promise<ExportReport> {
  const { report, result } = await runWith('export', options, context, async ({ agent, edge, observe }) => {
    const { record, base64 } = await exportJourney(agent, edge.disk);
    observe({ kind: 'exported', record });
    return { changed: false, key: base64 };
  });
  return { ...report, key: result.key };
}

/**
 * Takes this host out: its agent is deleted by the manager's REST API, where API credentials are given, and its key is set
 * aside. `yes: true` does so although an agent daemon runs, and without credentials on this host alone.
 *
 * @returns what `--json` prints
 * @throws EnrollError
 */
export async function retire(options: OptionsOf<'retire'>, context: RunContext = {}): Promise<Report> {
  const choice = { yes: options.yes === true };
  return (await runWith('retire', options, context, (journey) => retireJourney(journey, choice))).report;
}

async function runWith<T extends { readonly changed: boolean }>(
  command: CommandName,
  options: Readonly<Record<string, unknown>>,
  { signal = new AbortController().signal, onEvent = () => {}, environment = {} }: RunContext,
  steps: (journey: Journey) => Promise<T>,
): Promise<{ readonly report: Report; readonly result: T }> {
  const edge = nodeJourneyEdge(environment);
  const input = {
    command,
    flags: flagsOf(command, options),
    given: 'library',
    environment,
    edge,
    settingsEdge: (limit: AbortSignal) => nodeSettingsEdge(edge.disk, limit),
    observe: onEvent,
    signal,
  } as const;
  const { report, ended } = await run(input, steps);
  if (ended.ok) return { report, result: ended.result };
  throw ended.error;
}
