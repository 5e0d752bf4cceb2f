import { join } from 'node:path';
import type { EnrollError } from '../../src/errors.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { CommandName, OptionName } from '../../src/settings/options.js';
import type { SettingsEdge } from '../../src/settings/password.js';
import { type Settled, settle } from '../../src/settings/settle.js';
import { failure } from '../keystore/scratch.js';

const HOME = '/var/ossec';

export const AGENT: AgentInstallation = {
  platform: 'unix',
  home: HOME,
  keysFile: join(HOME, 'etc/client.keys'),
  counterFile: join(HOME, 'queue/rids/sender_counter'),
  configFile: join(HOME, 'etc/ossec.conf'),
  passwordFile: join(HOME, 'etc/authd.pass'),
};

/** What a run finds: all of it texts. */
export interface Scene {
  readonly command?: CommandName;
  readonly flags?: Partial<Record<OptionName, string | boolean | readonly string[]>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** By path; `ossec.conf` and `authd.pass` are the agent's. */
  readonly files?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Paths that everybody may read. */
  readonly public?: readonly string[];
}

/** Which files were read, in order. */
export function sceneEdge({ files = {}, input = '', public: open = [] }: Scene): SettingsEdge & { read: string[] } {
  const named = new Map(
    Object.entries(files).map(([path, text]) => [path.includes('/') ? path : join(HOME, 'etc', path), text]),
  );
  const read: string[] = [];
  const readText = async (path: string, limit: number) => {
    read.push(path);
    const text = named.get(path);
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return text.slice(0, limit);
  };
  return {
    read,
    readText,
    readBytes: async (path, limit) => Buffer.from(await readText(path, limit)),
    isPublic: async (path) => open.includes(path),
    readStandardInput: async () => {
      read.push('-');
      return input;
    },
  };
}

/** What a run settles on. */
export function settled(scene: Scene): Promise<Settled> {
  const flags = new Map<OptionName, string | boolean | readonly string[]>();
  for (const name of Object.keys(scene.flags ?? {}) as OptionName[]) {
    const value = scene.flags?.[name];
    if (value !== undefined) flags.set(name, value);
  }
  return settle({
    command: scene.command ?? 'enroll',
    flags,
    environment: scene.environment ?? {},
    agent: AGENT,
    edge: sceneEdge(scene),
  });
}

/** The error that a run ends with before it contacts anybody. */
export function refused(scene: Scene): Promise<EnrollError> {
  return failure(settled(scene));
}

/** An ossec.conf with this inside `<client>`. */
export function conf(client: string): string {
  return `<ossec_config>\n  <client>\n${client}\n  </client>\n</ossec_config>\n`;
}
