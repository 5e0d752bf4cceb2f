import type { AgentInstallation } from '../../src/model/host.js';
import type { CommandName, OptionName } from '../../src/settings/options.js';
import type { SettingsEdge } from '../../src/settings/password.js';
import { type Settled, settle } from '../../src/settings/settle.js';
import type { Environment } from '../../src/settings/sources.js';

/** An agent home of which there is no file but those that a test gives. */
export const AGENT: AgentInstallation = {
  platform: 'unix',
  home: '/agent',
  keysFile: '/agent/etc/client.keys',
  counterFile: '/agent/queue/rids/sender_counter',
  configFile: '/agent/etc/ossec.conf',
  passwordFile: '/agent/etc/authd.pass',
};

/** Files that are nowhere but in this record. */
export function filesOf(files: Readonly<Record<string, string | Uint8Array>>): SettingsEdge {
  const read = (path: string, limit: number): Buffer => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return Buffer.from(content).subarray(0, limit);
  };
  return {
    readText: async (path, limit) => read(path, limit).toString('utf8'),
    readBytes: async (path, limit) => read(path, limit),
    isPublic: async () => false,
    readStandardInput: async () => '',
  };
}

/** Settles what a command line, an environment and files say. */
export function settled(
  flags: readonly (readonly [OptionName, string | boolean])[],
  environment: Environment = {},
  files: Readonly<Record<string, string | Uint8Array>> = {},
  command: CommandName = 'enroll',
): Promise<Settled> {
  return settle({ command, flags: new Map(flags), environment, agent: AGENT, edge: filesOf(files) });
}
