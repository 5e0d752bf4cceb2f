import { EnrollError } from '../errors.js';
import type { AgentInstallation } from '../model/host.js';
import { readAgent } from './agent-setting.js';
import { readConf } from './conf-file.js';
import { NO_ENROLLMENT, readEnrollment } from './enrollment.js';
import { readLooked } from './looked.js';
import { type FoundManager, readManagers, shownManagers } from './managers.js';
import { type CommandName, hasOption } from './options.js';
import { DEFAULT_ORIGIN } from './origin.js';
import { readProxy } from './proxy-setting.js';
import { proves, readRunning } from './running.js';
import type { Settings, ShownSetting, Warn } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import { type Shown, showSettings } from './shown.js';
import { type Environment, type Flags, type GivenBy, Sources } from './sources.js';

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

/**
 * Settles what is to be done from flags, environment, ossec.conf and defaults, in this order. Everything is checked
 * here, before anybody is contacted, and every file that a setting names is read.
 *
 * @throws EnrollError with `SETTING_INVALID`, `MANAGER_MISSING`, `NAME_UNUSABLE` or `FILE_UNREADABLE`, the origin named
 */
export async function settle(input: SettingsInput): Promise<Settled> {
  const { command, flags, given, environment, agent, edge, warn } = input;
  const looks = command === 'check';
  const conf = await unless(looks, readConf(agent, edge, warn));
  const sources = new Sources(command, flags, environment, conf.value, given);
  const found = await unless(looks, managersFor(command, sources));
  // What is wrong with the enrollment service alone keeps nobody from looking at the manager.
  const without = found.error === undefined ? found : await unless(true, managersFor('import', sources.as('import')));
  const managers = without.value ?? [];
  const registered = readAgent(sources);
  const running = readRunning(sources, command);
  const proxy = readProxy(sources, managers, warn);
  const enrolls = hasOption(command, 'password-file');
  const enrollment = enrolls ? await readEnrollment(sources, managers, agent, edge, warn) : NO_ENROLLMENT;
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
        : unsettledOf(conf.error ?? found.error, looked.error)),
    },
    shown: showSettings(command, sources, shown),
  };
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

async function managersFor(command: CommandName, sources: Sources): Promise<readonly FoundManager[]> {
  return hasOption(command, 'manager') ? requireManagers(readManagers(sources), command, sources) : [];
}

/** @throws EnrollError `MANAGER_MISSING` where the command contacts one and none is named */
function requireManagers(
  managers: readonly FoundManager[],
  command: CommandName,
  sources: Sources,
): readonly FoundManager[] {
  const contacts = command === 'enroll' || command === 'check' || (command === 'import' && proves(sources));
  if (managers.length > 0 || !contacts) return managers;
  throw new EnrollError('MANAGER_MISSING', 'No manager is named: no flag, no variable and no ossec.conf names one.');
}

function shownFiles({ home, keysFile }: AgentInstallation, sources: Sources): Shown {
  return [
    ['agent-home', sources.text('agent-home') ?? { value: home, origin: DEFAULT_ORIGIN }],
    ['keys', sources.text('keys') ?? { value: keysFile, origin: DEFAULT_ORIGIN }],
  ];
}
