import { EnrollError } from '../errors.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';
import { readAgent } from './agent-setting.js';
import { readAskedMethod } from './asked-method.js';
import { readConf } from './conf-file.js';
import { type AskedOf, type FoundEnrollment, NO_ENROLLMENT, readEnrollment } from './enrollment.js';
import { readToken } from './enrollment-token.js';
import { requireAgreement } from './https-managers.js';
import { readLooked } from './looked.js';
import { type FoundManager, readManagers, shownManagers } from './managers.js';
import { type CommandName, hasOption } from './options.js';
import { DEFAULT_ORIGIN, describeOrigin, RefusedSetting, type Sourced } from './origin.js';
import { readProxy } from './proxy-setting.js';
import { readRetirement } from './retirement.js';
import { proves, readRunning } from './running.js';
import type { Settings, ShownSetting, Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import { type Shown, showSettings } from './shown.js';
import { type Environment, type Flags, type GivenBy, Sources } from './sources.js';
import { refuse } from './values.js';

/** What the settings are made of. */
export interface SettingsInput {
  readonly command: CommandName;
  readonly flags: Flags;
  /** Absent: by the arguments. */
  readonly given?: GivenBy;
  readonly environment: Environment;
  readonly agent: AgentInstallation;
  readonly edge: SettingsEdge;
  /** Told what the user should know, also where settling fails afterwards. */
  readonly warn: Warn;
}

/** The settings, and where each comes from. */
export interface Settled {
  readonly settings: Settings;
  readonly shown: readonly ShownSetting[];
}

/** As {@link Settled}, without what was refused. */
export interface SettledInPart extends Settled {
  /** Every value that cannot be right, in the order in which they were found; none: all is well. */
  readonly refused: readonly EnrollError[];
}

/**
 * Settles what is to be done from flags, environment, ossec.conf and defaults, in this order. Everything is checked
 * here, before anybody is contacted, and every file that a setting names is read.
 *
 * @throws EnrollError with `SETTING_INVALID`, `MANAGER_MISSING`, `NAME_UNUSABLE` or `FILE_UNREADABLE`, the origin named
 */
export async function settle(input: SettingsInput): Promise<Settled> {
  const { command, flags, given, environment, agent, edge, warn } = input;
  const conf = await unless(command === 'check', readConf(agent, edge, warn));
  const sources = new Sources(command, flags, environment, conf.value, given);
  const onMissing = (missing: EnrollError) => {
    throw missing;
  };
  return await settleFrom(sources, {
    ...input,
    onMissing,
    ...(conf.error === undefined ? {} : { unread: conf.error }),
  });
}

/**
 * As {@link settle}, but a value that is refused counts as not given then, so that all the rest is to be seen, and every
 * other one that cannot be right.
 *
 * @throws what is no refusal of a value
 */
export async function settleInPart(input: SettingsInput): Promise<SettledInPart> {
  const { command, flags, given, environment, agent } = input;
  const refused: EnrollError[] = [];
  const again = { ...input, edge: readingOnce(input.edge), warn: tellingOnce(input.warn) };
  const conf = await readConf(agent, again.edge, again.warn).catch((thrown: unknown) => {
    if (!(thrown instanceof RefusedSetting)) throw thrown;
    refused.push(thrown);
    return undefined;
  });
  const sources = new Sources(command, flags, environment, conf, given);
  for (;;) {
    const missing: EnrollError[] = [];
    try {
      const settled = await settleFrom(sources, { ...again, onMissing: (error) => missing.push(error) });
      // The manager that was refused is not missing.
      return { ...settled, refused: refused.length > 0 ? refused : missing };
    } catch (thrown) {
      if (!(thrown instanceof RefusedSetting) || sources.isPassedOver(thrown.origin)) throw thrown;
      refused.push(thrown);
      sources.passOver(thrown.origin);
    }
  }
}

/** What settling out of its sources is given. */
interface SettlingInput extends SettingsInput {
  /** Told the error where the command contacts a manager and none is named. */
  readonly onMissing: (error: EnrollError) => void;
  /** Why ossec.conf was not read, of a command that looks at what is there. */
  readonly unread?: EnrollError;
}

async function settleFrom(sources: Sources, input: SettlingInput): Promise<Settled> {
  const { command, agent, edge, warn, unread } = input;
  for (const text of strangersIn(sources)) warn(text);
  requireOneInput(sources);
  const method = readAskedMethod(sources);
  const token = await readToken(sources, method, agent, edge, warn);
  if (token !== undefined) requireAgreement(token, sources, warn);
  const looks = command === 'check';
  const named = { ...input, method, token };
  const found = await unless(looks, managersFor(command, sources, named));
  // What is wrong with the enrollment service alone keeps nobody from looking at the manager.
  const without =
    found.error === undefined ? found : await unless(true, managersFor('import', sources.as('import'), named));
  const managers = without.value ?? [];
  if (managers.length > 0 && token === undefined && sources.text('manager') === undefined) {
    for (const place of sources.placeholders) warn(`${unfilled(place)}, and was passed over.`);
  }
  const registered = readAgent(sources);
  const running = readRunning(sources, command);
  const proxy = readProxy(sources, managers, warn);
  const enrollment = await enrollmentFor(command, sources, { managers, method, token }, input);
  const looked = looks ? await unless(true, readLooked(sources, edge)) : {};
  const shown = [
    ...shownManagers(managers, sources),
    ...shownFiles(agent, sources),
    ...[registered, running, proxy, enrollment].flatMap((each) => each.shown),
  ];
  return {
    settings: {
      managers: managers.map(({ settings }) => settings),
      ...registered.settings,
      ...running.settings,
      ...proxy.settings,
      ...enrollment.settings,
      ...looked.value,
      ...(without.error === undefined
        ? unsettledOf(undefined, found.error ?? looked.error)
        : unsettledOf(unread ?? found.error, looked.error)),
    },
    shown: showSettings(command, sources, shown),
  };
}

/** What a command asks a manager for, and with which credentials. */
async function enrollmentFor(
  command: CommandName,
  sources: Sources,
  asked: AskedOf,
  { agent, edge, warn, onMissing }: SettlingInput,
): Promise<FoundEnrollment> {
  if (command !== 'retire') {
    const enrolls = hasOption(command, 'password-file');
    return enrolls ? await readEnrollment(sources, asked, agent, edge, warn) : NO_ENROLLMENT;
  }
  const found = await readRetirement(sources, asked.managers, agent, edge, warn);
  const { api } = found.settings;
  if (api !== undefined && api.url === undefined && asked.managers.length === 0) onMissing(missingManager(sources));
  return found;
}

/** What a reader came to; of a command that looks at what is there, what it failed with. */
async function unless<T>(
  looks: boolean,
  work: Promise<T>,
): Promise<{ readonly value?: T; readonly error?: EnrollError }> {
  try {
    return { value: await work };
  } catch (thrown) {
    if (looks && thrown instanceof EnrollError) return { error: thrown };
    throw thrown;
  }
}

function unsettledOf(
  managers: EnrollError | undefined,
  enrollment: EnrollError | undefined,
): Pick<Settings, 'unsettled'> {
  if (managers === undefined && enrollment === undefined) return {};
  return {
    unsettled: {
      ...(managers === undefined ? {} : { managers }),
      ...(enrollment === undefined ? {} : { enrollment }),
    },
  };
}

/** What is called as one of our variables, and is not. */
function strangersIn(sources: Sources): readonly string[] {
  return sources.serviceLinks.map(
    ({ value, origin }) =>
      `${describeOrigin(origin)} is not used: "${printable(value)}" is what Kubernetes or Docker sets for a service of that name.`,
  );
}

/** Names the places where a manager should be named, and is not. */
function missingManager(sources: Sources): EnrollError {
  const { confFile, placeholders } = sources;
  const empty = sources.emptyVariables('manager').map((name) => `${name} is empty`);
  const inFile =
    confFile === undefined
      ? ['there is no ossec.conf']
      : placeholders.length === 0
        ? [`${confFile} names none`]
        : placeholders.map(unfilled);
  const where = [...empty, ...inFile].join('; ');
  return new EnrollError('MANAGER_MISSING', `No manager is named: no flag and no variable names one; ${where}.`);
}

function unfilled({ value, origin }: Sourced<string>): string {
  const what =
    value === '' ? "the manager's address is empty" : `"${printable(value)}" is a placeholder, not a manager`;
  return `${describeOrigin(origin)}: ${what}`;
}

/** @throws EnrollError `SETTING_INVALID` where two secrets are to be on one standard input */
function requireOneInput(sources: Sources): void {
  const [first, second] = (['token-file', 'password-file', 'api-password-file'] as const)
    .map((name) => ({ name, text: sources.text(name) }))
    .filter(({ text }) => text?.value === '-');
  if (first === undefined || second?.text === undefined) return;
  const what = first.name === 'token-file' ? 'token' : 'password';
  throw refuse(second.text.origin, `standard input holds the enrollment ${what} already (--${first.name}).`);
}

/** Standard input can be read once. */
function readingOnce(edge: SettingsEdge): SettingsEdge {
  let read: Promise<Uint8Array> | undefined;
  return {
    ...edge,
    readInputLine: (limit) => {
      read ??= edge.readInputLine(limit);
      return read;
    },
  };
}

function tellingOnce(warn: Warn): Warn {
  const told = new Set<string>();
  return (text) => {
    if (!told.has(text)) warn(text);
    told.add(text);
  };
}

async function managersFor(
  command: CommandName,
  sources: Sources,
  { onMissing, method, token }: Pick<SettlingInput, 'onMissing'> & Parameters<typeof readManagers>[1],
): Promise<readonly FoundManager[]> {
  const managers = hasOption(command, 'manager') ? readManagers(sources, { method, token }) : [];
  const contacts = command === 'enroll' || command === 'check' || (command === 'import' && proves(sources));
  if (managers.length === 0 && contacts) onMissing(missingManager(sources));
  return managers;
}

function shownFiles({ home, keysFile }: AgentInstallation, sources: Sources): Shown {
  return [
    ['agent-home', sources.text('agent-home') ?? { value: home, origin: DEFAULT_ORIGIN }],
    ['keys', sources.text('keys') ?? { value: keysFile, origin: DEFAULT_ORIGIN }],
  ];
}
