import { join } from 'node:path';
import { EnrollError } from '../../src/errors.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { CommandName, OptionName } from '../../src/settings/options.js';
import type { SettingsEdge } from '../../src/settings/settings-edge.js';
import type { SettingsInput } from '../../src/settings/settle.js';
import { failure } from '../keystore/scratch.js';
import { filesOf, type MemoryFile, type SettledAndTold, settleAndTell, settleInPartAndTell } from './in-memory.js';

const HOME = '/var/ossec';

export const AGENT: AgentInstallation = {
  platform: 'unix',
  home: HOME,
  keysFile: join(HOME, 'etc/client.keys'),
  counterFile: join(HOME, 'queue/rids/sender_counter'),
  configFile: join(HOME, 'etc/ossec.conf'),
  passwordFile: join(HOME, 'etc/authd.pass'),
};

/** What a run of root's finds. */
export interface Scene {
  readonly command?: CommandName;
  readonly flags?: Partial<Record<OptionName, string | boolean | readonly string[]>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** By path; `ossec.conf` and `authd.pass` are the agent's. */
  readonly files?: Readonly<Record<string, string | Uint8Array | EnrollError>>;
  readonly input?: string | Uint8Array;
  /** Of the agent that is installed. */
  readonly version?: string;
  /** Paths that everybody may read. */
  readonly public?: readonly string[];
}

function sceneEdge({ files = {}, input = '', public: open = [] }: Scene): SettingsEdge {
  const named = Object.entries(files).map(([given, content]): [string, MemoryFile | EnrollError] => {
    const path = given.includes('/') ? given : join(HOME, 'etc', given);
    if (content instanceof EnrollError) return [path, content];
    return [path, { content, mode: open.includes(path) ? 0o644 : 0o600, directories: [{ mode: 0o755 }] }];
  });
  return filesOf(Object.fromEntries(named), input);
}

/** What a run settles on. */
export function settled(scene: Scene): Promise<SettledAndTold> {
  return settleAndTell(inputOf(scene));
}

/** What a run settles on where some of it cannot be right. */
export function settledInPart(scene: Scene): ReturnType<typeof settleInPartAndTell> {
  return settleInPartAndTell(inputOf(scene));
}

function inputOf(scene: Scene): Omit<SettingsInput, 'warn'> {
  const flags = new Map<OptionName, string | boolean | readonly string[]>();
  for (const name of Object.keys(scene.flags ?? {}) as OptionName[]) {
    const value = scene.flags?.[name];
    if (value !== undefined) flags.set(name, value);
  }
  return {
    command: scene.command ?? 'enroll',
    flags,
    environment: scene.environment ?? {},
    agent: scene.version === undefined ? AGENT : { ...AGENT, version: scene.version },
    edge: sceneEdge(scene),
  };
}

/** The error that a run ends with before it contacts anybody. */
export function refused(scene: Scene): Promise<EnrollError> {
  return failure(settled(scene));
}

/** An ossec.conf with this inside `<client>`. */
export function conf(client: string): string {
  return `<ossec_config>\n  <client>\n${client}\n  </client>\n</ossec_config>\n`;
}
