import { DEFAULT_ENDPOINT, parseEndpoint } from '../conf/endpoint.js';
import type { AgentConf, ConfServer, ConfValue } from '../conf/ossec-conf.js';
import { isHostPlaceholder } from './placeholder.js';

/** A server as an ossec.conf names it. */
export interface NamedServer extends ConfServer {
  /** The text that the address was taken from, where that is an `<endpoint>` of Wazuh 5. */
  readonly endpoint?: ConfValue;
  /**
   * Of what a Wazuh 5 agent reaches by https: below what. Its port is that of the endpoint, or stands apart; 1517 without
   * one.
   */
  readonly https?: { readonly prefix: string; readonly port?: number };
}

/** Whom an ossec.conf names, and the places where it should and does not. */
export interface NamedServers {
  readonly servers: readonly NamedServer[];
  /** What packages and templates leave to be filled in, empty values among them. */
  readonly placeholders: readonly ConfValue[];
}

/**
 * The servers of an ossec.conf. The `<manager>` of `<agent>` is the one that a Wazuh 5 agent goes by; what an upgrade has
 * left in `<client>` counts only where that one is not filled in.
 *
 * @param of5 whether a Wazuh 5 agent reads it: it takes the address alone from `<client>`, and goes there by https
 * @param isPassedOver what is taken for not written
 */
export function serversOf(conf: AgentConf, of5: boolean, isPassedOver: (value: ConfValue) => boolean): NamedServers {
  const there = (value: ConfValue | undefined) => (value === undefined || isPassedOver(value) ? undefined : value);
  const ofAgent = managerOf(conf, there);
  const ofClient = conf.servers
    .filter(({ address }) => !isPassedOver(address))
    .map(({ address, port, protocol, interfaceIndex }) => ({
      address,
      ...(of5
        ? { https: { prefix: DEFAULT_ENDPOINT.prefix } }
        : { ...withValue('port', there(port)), ...withValue('protocol', there(protocol)) }),
      ...withValue('interfaceIndex', there(interfaceIndex)),
    }));
  const isFilledIn = ({ address }: NamedServer) => address.value !== '' && !isHostPlaceholder(address.value);
  const named = ofAgent.filter(isFilledIn);
  const all = [...ofAgent, ...ofClient];
  return {
    servers: named.length > 0 ? named : ofClient.filter(isFilledIn),
    placeholders: all.filter((server) => !isFilledIn(server)).map(({ address }) => address),
  };
}

function managerOf(
  { manager }: AgentConf,
  there: (value: ConfValue | undefined) => ConfValue | undefined,
): readonly NamedServer[] {
  if (manager === undefined) return [];
  const endpoint = there(manager.endpoint);
  if (endpoint === undefined) {
    const address = there(manager.address) ?? { value: '', line: manager.line };
    return [{ address, ...withValue('port', there(manager.port)), https: { prefix: DEFAULT_ENDPOINT.prefix } }];
  }
  const parsed = parseEndpoint(endpoint.value);
  if (parsed === undefined) return [{ address: endpoint, endpoint }];
  const { host, zone, port, prefix } = parsed;
  const name = zone === undefined ? host : `${host}%${zone}`;
  return [{ address: { ...endpoint, value: name }, endpoint, https: { prefix, port } }];
}

function withValue<N extends string>(name: N, value: ConfValue | undefined) {
  return value === undefined ? {} : { [name]: value };
}
