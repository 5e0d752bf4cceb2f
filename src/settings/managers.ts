import { parseEndpoint } from '../conf/endpoint.js';
import type { Protocol } from '../link/message/transport.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { bareHost, isSameHost } from '../model/zone.js';
import type { NamedServer } from './conf-servers.js';
import { withInterface } from './link-local.js';
import { DEFAULT_ORIGIN, type Origin, type Sourced } from './origin.js';
import type { ManagerSettings } from './settings.js';
import type { Shown } from './shown.js';
import type { Sources } from './sources.js';
import {
  misfit,
  oneOf,
  parseEach,
  parseHostPort,
  parseManagerHost,
  parsePort,
  parseSetting,
  refuse,
  splitManagers,
} from './values.js';

const AGENT_PORT = 1514;
const ENROLLMENT_PORT = 1515;
const A_PORT = 'a port (1 to 65535)';
const A_HOST_AND_PORT = 'HOST or HOST:PORT, with a port from 1 to 65535';
const AN_ENDPOINT = 'an endpoint: [https://]HOST[:PORT][/PREFIX]';
const A_PROTOCOL = 'auto, tcp or udp';

/** One manager, and who named it. */
export interface FoundManager {
  readonly settings: ManagerSettings;
  readonly agentOrigin: Origin;
  readonly enrollmentOrigin: Origin;
}

/**
 * The managers in the order in which they are tried: those that were named, else the servers of ossec.conf. What
 * ossec.conf says of a server holds for a manager of the same address, too.
 *
 * @throws EnrollError with `SETTING_INVALID`, the origin named
 */
export function readManagers(sources: Sources): readonly FoundManager[] {
  const given = sources.text('manager');
  if (given === undefined) return serversOfConf(sources);
  const { origin } = given;
  const names = splitManagers(given);
  if (names.length === 0) throw refuse(origin, 'it names no host.');
  parseEach(names, origin, parseHostPort, A_HOST_AND_PORT);
  const protocols = listed(sources.text('protocol'), names);
  return names.map((text, index) => {
    const { host: name, port } = hostPort({ value: text, origin }, sources.text('port'));
    const server = sources.servers.find(({ address }) => isSameHost(address.value, name));
    const host = withInterface({ value: name, origin }, server?.interfaceIndex, sources);
    return found(
      { value: { host, port: port ?? portOf(server, sources) }, origin },
      protocols[index] ?? protocolOf(server, sources),
      sources,
    );
  });
}

function serversOfConf(sources: Sources): readonly FoundManager[] {
  const { servers } = sources;
  const port = portGiven(sources.text('port'));
  const protocols = listed(
    sources.text('protocol'),
    servers.map(({ address }) => address.value),
  );
  return servers.map((server, index) => {
    const { value, origin } = hostOfConf(server, sources);
    const host = withInterface({ value, origin }, server.interfaceIndex, sources);
    return found(
      { value: { host, port: port ?? portOf(server, sources) }, origin },
      protocols[index] ?? protocolOf(server, sources),
      sources,
    );
  });
}

function hostOfConf({ address, endpoint }: NamedServer, sources: Sources): Sourced<string> {
  if (endpoint === undefined)
    return parseSetting(sources.fromConf(address), parseManagerHost, 'a host name or address');
  const { value, origin } = sources.fromConf(endpoint);
  if (parseEndpoint(value) === undefined) throw refuse(origin, `${misfit(value, AN_ENDPOINT)}.`);
  return { value: address.value, origin };
}

/** A host and the port that was given with it or apart; of two different ones the stronger origin counts. */
function hostPort(
  text: Sourced<string>,
  apart: Sourced<string> | undefined,
): { readonly host: string; readonly port: number | undefined } {
  const { host, port: own } = parseSetting(text, parseHostPort, A_HOST_AND_PORT).value;
  const other = portGiven(apart);
  if (apart === undefined || own === undefined || own === other) return { host, port: own ?? other };
  if (apart.origin.kind === text.origin.kind) {
    throw refuse(apart.origin, `it contradicts the port in "${text.value}". Give one of the two.`);
  }
  return { host, port: apart.origin.kind === 'flag' ? other : own };
}

function portGiven(text: Sourced<string> | undefined): number | undefined {
  return text === undefined ? undefined : parseSetting(text, parsePort, A_PORT).value;
}

function portOf(server: NamedServer | undefined, sources: Sources): number {
  return portGiven(server?.port === undefined ? undefined : sources.fromConf(server.port)) ?? AGENT_PORT;
}

function protocolOf(server: NamedServer | undefined, sources: Sources): 'auto' | Protocol {
  return server?.protocol === undefined ? 'auto' : parseProtocol(sources.fromConf(server.protocol));
}

function found(agent: Sourced<Endpoint>, protocol: 'auto' | Protocol, sources: Sources): FoundManager {
  const { host } = agent.value;
  const server = enrollmentServer(host, sources);
  const apart = sources.text('enrollment-port');
  const where = server === undefined ? { host, port: portGiven(apart) } : enrollmentPlace(server, apart, host, sources);
  return {
    settings: {
      agent: agent.value,
      protocol,
      enrollment: { host: where.host, port: where.port ?? ENROLLMENT_PORT },
    },
    agentOrigin: agent.origin,
    enrollmentOrigin: server?.origin ?? agent.origin,
  };
}

function enrollmentPlace(
  server: Sourced<string>,
  apart: Sourced<string> | undefined,
  manager: string,
  sources: Sources,
): { readonly host: string; readonly port: number | undefined } {
  const { host, port } = hostPort(server, apart);
  if (isSameHost(host, manager) && bareHost(host) === host) return { host: manager, port };
  const index = sources.confField('interface_index');
  return { host: withInterface({ value: host, origin: server.origin }, index, sources), port };
}

/**
 * Where authd is, if not on the manager. What ossec.conf says of it belongs to the managers that ossec.conf names: a
 * host that is moved to another manager by a flag must not ask the old one for its key.
 */
function enrollmentServer(manager: string, sources: Sources): Sourced<string> | undefined {
  const server = sources.text('enrollment-server');
  const named = sources.servers.some(({ address }) => isSameHost(address.value, manager));
  return server?.origin.kind === 'file' && !named ? undefined : server;
}

/** Packages take one protocol for all managers, or a list of as many as there are managers. */
function listed(text: Sourced<string> | undefined, managers: readonly string[]): ('auto' | Protocol | undefined)[] {
  if (text === undefined) return [];
  const parts = parseEach(splitManagers(text), text.origin, oneOf('auto', 'tcp', 'udp'), A_PROTOCOL);
  if (parts.length > Math.max(1, managers.length)) {
    throw refuse(text.origin, `it names ${parts.length} protocols for ${managers.length} managers.`);
  }
  return managers.map((_, index) => parts[index] ?? parts.at(-1));
}

function parseProtocol(text: Sourced<string>): 'auto' | Protocol {
  return parseSetting(text, oneOf('auto', 'tcp', 'udp'), A_PROTOCOL).value;
}

/** The managers, their ports and protocols, and where authd is, as `detect` shows them. */
export function shownManagers(managers: readonly FoundManager[], sources: Sources): Shown {
  const [first] = managers;
  if (first === undefined) return [];
  const { enrollment } = first.settings;
  const server = enrollmentServer(first.settings.agent.host, sources);
  const port = sources.text('enrollment-port');
  return [
    ['manager', { value: all(managers, ({ agent }) => formatEndpoint(agent)), origin: first.agentOrigin }],
    ['enrollment-server', { value: enrollment.host, origin: server?.origin ?? DEFAULT_ORIGIN }],
    ['enrollment-port', { value: String(enrollment.port), origin: port?.origin ?? DEFAULT_ORIGIN }],
    ['protocol', shownOfServer(managers, sources, 'protocol', ({ protocol }) => protocol)],
    ['port', shownOfServer(managers, sources, 'port', ({ agent }) => String(agent.port))],
  ];
}

function all(managers: readonly FoundManager[], value: (manager: ManagerSettings) => string): string {
  return managers.map(({ settings }) => value(settings)).join(', ');
}

/** What ossec.conf may say of each server, in the order of the managers; the first one's origin stands for all. */
function shownOfServer(
  managers: readonly FoundManager[],
  sources: Sources,
  name: 'port' | 'protocol',
  value: (manager: ManagerSettings) => string,
): Sourced<string> {
  const host = managers[0]?.settings.agent.host ?? '';
  const said = sources.servers.find(({ address }) => isSameHost(address.value, host))?.[name];
  const inFile = said === undefined ? DEFAULT_ORIGIN : sources.fromConf(said).origin;
  return { value: all(managers, value), origin: sources.text(name)?.origin ?? inFile };
}
