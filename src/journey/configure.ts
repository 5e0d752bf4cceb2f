import { type ConfDialect, pointAt } from '../conf/edit.js';
import { CONF_LIMIT } from '../conf/ossec-conf.js';
import type { ConfTarget } from '../conf/target.js';
import { EnrollError, systemCode } from '../errors.js';
import { type Access, accessOf, formatMode, isTooWide } from '../files/access.js';
import { unreadable, unwritable } from '../files/file-error.js';
import { atPlace, type Place } from '../files/place.js';
import { ROOT_ONLY, readPlace } from '../files/read.js';
import { rehearse, removeLeftovers, replaceFile } from '../files/replace.js';
import type { Endpoint } from '../model/endpoint.js';
import type { AgentInstallation } from '../model/host.js';
import type { HttpsEndpoint } from '../model/https-endpoint.js';
import { printable } from '../model/printable.js';
import { byteOrderMark } from '../model/text-encoding.js';
import { zoneIndex } from '../net/zone.js';
import type { ManagerSettings } from '../settings/settings.js';
import type { Journey } from './context.js';
import type { JourneyEdge } from './journey-edge.js';

/** What a journey needs for this. */
type Configured = Pick<Journey, 'settings' | 'agent' | 'edge' | 'observe'>;

/** What is known of the link to a manager. */
export interface UsedManager {
  /** The agent port. Absent: the first manager of the settings. */
  readonly endpoint?: Endpoint | undefined;
  readonly protocol?: 'tcp' | 'udp' | 'https' | undefined;
  /** Where a Wazuh 5 takes its agents. Absent: as the settings say. */
  readonly https?: HttpsEndpoint | undefined;
  /** As what a Wazuh 5 agent is enrolled, which it reads again when it enrolls by itself; absent: what the file says stays. */
  readonly enrollment?: ConfTarget['enrollment'];
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
  await atConf(agent, edge, async ({ place, text, access }) => {
    edit(text, targetOf(manager, {}), agent);
    await rehearse(place, access, edge.disk);
  });
}

/**
 * Points the installed ossec.conf at the manager that was used: address, port and, where it is known, protocol; the
 * endpoint of a Wazuh 5, and as what the agent is enrolled there. Nothing else in the file changes, and it keeps its owner
 * and mode. Does nothing unless the settings ask for it.
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
  const target = targetOf(manager, used);
  await atConf(agent, edge, async ({ place, text, access, tooWide }) => {
    const after = edit(text, target, agent);
    const changed = after !== text;
    if (changed) {
      await removeLeftovers(place);
      await replaceFile(place, Buffer.from(after, 'latin1'), access, edge.disk);
      if (tooWide !== undefined) observe({ kind: 'warning', text: `${tooWide} It has the right mode now.` });
    }
    observe({ kind: 'configured', file: agent.configFile, changed });
  });
}

function targetOf(manager: ManagerSettings, used: UsedManager): ConfTarget {
  const https = used.https ?? manager.https;
  if (https !== undefined) {
    const { host, port, prefix } = https;
    const { enrollment } = used;
    return { host, port, https: { port, prefix }, ...(enrollment === undefined ? {} : { enrollment }) };
  }
  const { protocol = manager.protocol } = used;
  return { ...manager.agent, ...(protocol === 'auto' || protocol === 'https' ? {} : { protocol }) };
}

function edit(text: string, target: ConfTarget, { configFile, ...agent }: AgentInstallation): string {
  const index = zoneIndex(target.host);
  const edited = pointAt(
    text,
    { ...target, ...(index === undefined ? {} : { interfaceIndex: index }) },
    target.https === undefined ? dialectOf(agent) : 'wazuh-5',
  );
  if (edited.ok) return edited.text;
  const { line, what } = edited;
  throw new EnrollError('CONFIG_UNCLEAR', `${printable(configFile)}, line ${line}: ${printable(what)}.`);
}

function dialectOf({ flavor, version }: Pick<AgentInstallation, 'flavor' | 'version'>): ConfDialect {
  if (flavor === 'ossec') return 'ossec';
  return version?.startsWith('v5.') ? 'wazuh-5' : 'wazuh';
}

/** An ossec.conf held by its directory: what is read, known and written of it is one and the same file's. */
interface OpenConf {
  readonly place: Place;
  /** Its bytes as Latin-1, so that those which are not touched stay what they are. */
  readonly text: string;
  readonly access: Access;
  /** That others than the agent may change it, in words; absent: they may not. */
  readonly tooWide?: string;
}

async function atConf(
  agent: AgentInstallation,
  { disk }: JourneyEdge,
  work: (conf: OpenConf) => Promise<void>,
): Promise<void> {
  const { configFile, platform } = agent;
  try {
    await atPlace(configFile, disk, async (place) => {
      const file = await readPlace(place, { limit: CONF_LIMIT, owners: ROOT_ONLY }, disk).catch((error) => {
        throw unreadable(configFile, error);
      });
      if (file === undefined) throw noConf(configFile);
      const { facts, bytes } = file;
      requireReadable(configFile, bytes);
      const wide = isTooWide('ossec.conf', facts, platform);
      // Group and mode are an administrator's choice, for the file is root's or the running user's: only what is more
      // than any agent needs is taken away.
      const standard = accessOf('ossec.conf', agent, facts, disk);
      const owner = standard.owner === undefined ? {} : { owner: { uid: facts.uid, gid: facts.gid } };
      await work({
        place,
        text: bytes.toString('latin1'),
        access: wide ? standard : { ...standard, mode: facts.mode, ...owner },
        ...(wide
          ? { tooWide: `${printable(configFile)} had mode ${formatMode(facts.mode)}: everybody could change it.` }
          : {}),
      });
    });
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') throw noConf(configFile);
    throw unwritable(configFile, error);
  }
}

/** No agent reads UTF-16, so this is not the file that one of them goes by. */
function requireReadable(configFile: string, bytes: Uint8Array): void {
  if (!byteOrderMark(bytes).mark.startsWith('utf-16')) return;
  const text = `${printable(configFile)} is in UTF-16, which an agent cannot read. Nothing was changed in it.`;
  throw new EnrollError('CONFIG_UNCLEAR', text, {
    hint: 'Save it as UTF-8 without a byte order mark, or leave --write-config out.',
  });
}

function noConf(configFile: string): EnrollError {
  return new EnrollError('FILE_UNREADABLE', `There is no ${printable(configFile)} to point at the manager.`, {
    hint: 'Install the agent first, name its home with --agent-home, or leave --write-config out.',
  });
}
