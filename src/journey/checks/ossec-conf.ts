import { CONF_LIMIT, type ConfManager, type ConfServer, readOssecConf } from '../../conf/ossec-conf.js';
import { EnrollError } from '../../errors.js';
import { readFile } from '../../files/read.js';
import type { AgentInstallation } from '../../model/host.js';
import { parseHttpsUrl } from '../../model/https-endpoint.js';
import { printable } from '../../model/printable.js';
import type { ManagerSettings } from '../../settings/settings.js';
import type { JourneyEdge } from '../journey-edge.js';
import { type Finding, right, untold, wrong } from './finding.js';

/** What stands in ossec.conf; `undefined` of a text: there is no file. */
export type ConfLook = { readonly text: string | undefined } | { readonly error: EnrollError };

/** Reads the agent's ossec.conf. */
export async function lookAtConf({ configFile }: AgentInstallation, { disk }: JourneyEdge): Promise<ConfLook> {
  try {
    const file = await readFile(configFile, { limit: CONF_LIMIT, owners: 'anyone' }, disk);
    return { text: file?.bytes.toString('utf8') };
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    return { error: thrown };
  }
}

/** What the packages put in the place of a manager. */
const PLACEHOLDERS: readonly string[] = ['MANAGER_IP', '0.0.0.0'];

const POINT =
  'Name the manager there in <client><server><address> (agent-enroll --write-config does it), and restart the agent.';

/**
 * Whether the agent's own configuration names the manager that is looked at: else the agent speaks to another one.
 *
 * @param managers none: nobody named one
 */
export function ossecConf(
  { configFile }: AgentInstallation,
  look: ConfLook,
  managers: readonly ManagerSettings[],
): Finding {
  const path = printable(configFile);
  if ('error' in look) return untold('ossec-conf', look.error.message);
  if (look.text === undefined) return untold('ossec-conf', `There is no ${path}.`);
  const { servers: found, manager, faults } = readOssecConf(look.text);
  const servers = [...found, ...serverOf(manager)].filter(({ address }) => address.value !== '');
  const [fault] = faults;
  if (fault !== undefined) {
    const detail = `${path}, line ${fault.line}: ${printable(fault.what)}`;
    return wrong('ossec-conf', detail, 'Correct the file at this line: an agent may not start with it.');
  }
  const left = servers.find(({ address }) => PLACEHOLDERS.includes(address.value));
  if (left !== undefined) {
    return wrong(
      'ossec-conf',
      `${path}, line ${left.address.line}: ${left.address.value} is the placeholder that the package ships, and no manager.`,
      POINT,
    );
  }
  if (servers.length === 0) return wrong('ossec-conf', `${path} names no manager.`, POINT);
  const named = servers.map(({ address }) => `${printable(address.value)} (line ${address.line})`).join(', ');
  const [first] = managers;
  if (first === undefined) return untold('ossec-conf', `${path} names ${named}.`);
  const server = servers.find(({ address }) => isSameHost(address.value, first.agent.host));
  if (server === undefined) {
    return wrong(
      'ossec-conf',
      `${path} names ${named}, and not ${printable(first.agent.host)}: the agent speaks to that one.`,
      POINT,
    );
  }
  return (
    differences(path, server, first) ?? right('ossec-conf', `${path} names this manager (line ${server.address.line}).`)
  );
}

/** What an agent of Wazuh 5 goes by: the host alone, for a manager that is named without a port is looked for at both. */
function serverOf(manager: ConfManager | undefined): readonly ConfServer[] {
  if (manager?.endpoint !== undefined) {
    const { value, line } = manager.endpoint;
    return [{ address: { value: parseHttpsUrl(value)?.host ?? value, line } }];
  }
  return manager?.address === undefined ? [] : [{ address: manager.address }];
}

/** A port or protocol in the file that is not the one that is looked at; `undefined`: there is none. */
function differences(path: string, { port, protocol }: ConfServer, manager: ManagerSettings): Finding | undefined {
  if (port !== undefined && port.value !== String(manager.agent.port)) {
    const detail = `${path}, line ${port.line}: the agent uses port ${printable(port.value)}, and ${manager.agent.port} is what is looked at here.`;
    return wrong('ossec-conf', detail, POINT);
  }
  if (protocol !== undefined && manager.protocol !== 'auto' && protocol.value.toLowerCase() !== manager.protocol) {
    const detail = `${path}, line ${protocol.line}: the agent uses ${printable(protocol.value)}, and ${manager.protocol} is what is looked at here.`;
    return wrong('ossec-conf', detail, POINT);
  }
  return undefined;
}

function isSameHost(one: string, other: string): boolean {
  const plain = (host: string) => host.toLowerCase().replace(/\.$/, '');
  return plain(one) === plain(other);
}
