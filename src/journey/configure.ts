import { type ConfTarget, pointAt } from '../conf/edit.js';
import { CONF_LIMIT } from '../conf/ossec-conf.js';
import { EnrollError } from '../errors.js';
import type { KeystoreEdge } from '../files/file-edge.js';
import { refused, unreadable, unwritable } from '../files/file-error.js';
import { type Access, rehearse, removeLeftovers, replaceFile, resolveTarget } from '../files/replace.js';
import type { Endpoint } from '../model/endpoint.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';
import type { Journey } from './context.js';

/** What a journey needs for this. */
type Configured = Pick<Journey, 'settings' | 'agent' | 'edge' | 'observe'>;

/** What is known of the link to a manager. */
export interface UsedManager {
  /** The agent port. Absent: the first manager of the settings. */
  readonly endpoint?: Endpoint | undefined;
  readonly protocol?: 'tcp' | 'udp' | undefined;
}

/**
 * Finds out whether {@link writeConfig} could do its work, before anybody is asked for a key. Changes nothing.
 *
 * @throws EnrollError as {@link writeConfig}
 */
export async function checkConfig({ settings, agent, edge }: Omit<Configured, 'observe'>): Promise<void> {
  if (!settings.writeConfig) return;
  const [manager] = settings.managers;
  if (manager === undefined) return;
  const file = await openConf(agent, edge.keystore);
  edit(file.text, { ...manager.agent }, agent);
  try {
    await rehearse(file.path, file.access, edge.keystore);
  } catch (error) {
    throw unwritable(agent.configFile, error);
  }
}

/**
 * Points the installed ossec.conf at the manager that was used: address, port and, where it is known, protocol. Nothing
 * else in the file changes, and it keeps its owner and mode. Does nothing unless the settings ask for it.
 *
 * @throws EnrollError `CONFIG_UNCLEAR` with the line where the file is not well-formed, `FILE_UNREADABLE`, also where
 * there is none, `FILE_UNWRITABLE`
 */
export async function writeConfig(
  { settings, agent, edge, observe }: Configured,
  used: UsedManager = {},
): Promise<void> {
  if (!settings.writeConfig) return;
  const manager =
    settings.managers.find(
      ({ agent: { host, port } }) => host === used.endpoint?.host && port === used.endpoint.port,
    ) ?? settings.managers[0];
  if (manager === undefined) return;
  const speaks = used.protocol ?? (manager.protocol === 'auto' ? undefined : manager.protocol);
  const file = await openConf(agent, edge.keystore);
  const target = { ...manager.agent, ...(speaks === undefined ? {} : { protocol: speaks }) };
  const text = edit(file.text, target, agent);
  const changed = text !== file.text;
  if (changed) {
    try {
      await removeLeftovers(file.path, edge.keystore);
      await replaceFile(file.path, Buffer.from(text, 'latin1'), file.access, edge.keystore);
    } catch (error) {
      throw unwritable(agent.configFile, error);
    }
  }
  observe({ kind: 'configured', file: agent.configFile, changed });
}

function edit(text: string, target: ConfTarget, { configFile, flavor }: AgentInstallation): string {
  const edited = pointAt(text, target, flavor === 'ossec' ? 'ossec' : 'wazuh');
  if (edited.ok) return edited.text;
  const { line, what } = edited;
  throw new EnrollError('CONFIG_UNCLEAR', `${printable(configFile)}, line ${line}: ${printable(what)}.`);
}

/** The file that is there: its bytes as Latin-1, so that those which are not touched stay what they are. */
async function openConf(
  { configFile, platform }: AgentInstallation,
  edge: KeystoreEdge,
): Promise<{ readonly path: string; readonly text: string; readonly access: Access }> {
  const { files } = edge;
  try {
    const { path, facts } = await resolveTarget(configFile, edge);
    if (facts === undefined) {
      throw new EnrollError('FILE_UNREADABLE', `There is no ${printable(configFile)} to point at the manager.`, {
        hint: 'Install the agent first, name its home with --agent-home, or leave --write-config out.',
      });
    }
    if (facts.kind !== 'file') throw refused(configFile, 'it is not a regular file');
    if (platform === 'unix' && files.isMountPoint(path)) {
      throw refused(configFile, 'it is a mount of its own, which cannot be replaced', 'Mount its directory instead.');
    }
    const file = await files.open(path, 'r');
    try {
      const bytes = await file.read(CONF_LIMIT + 1);
      if (bytes.length > CONF_LIMIT) throw new Error(`it is larger than ${CONF_LIMIT / 1024 / 1024} MiB`);
      const { mode, uid, gid } = facts;
      const access: Access = { platform, mode, owner: { uid, gid }, secret: false };
      return { path, text: bytes.toString('latin1'), access };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(configFile, error);
  }
}
