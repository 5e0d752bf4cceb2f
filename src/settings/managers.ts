import { parseEndpoint } from '../conf/endpoint.js';
import type { Protocol } from '../link/message/transport.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { httpsUrl } from '../model/https-endpoint.js';
import { bareHost, isSameHost } from '../model/zone.js';
import type { AskedMethod } from './asked-method.js';
import type { NamedServer } from './conf-servers.js';
import type { FoundToken } from './enrollment-token.js';
import { A_MANAGER, httpsManager, ofEndpoint, parseManager, requireMeaning, wantsMessages } from './https-managers.js';
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

/** What decides how managers are meant. */
export interface MeantBy {
  readonly method: Sourced<AskedMethod>;
  readonly token: FoundToken | undefined;
}

/**
 * The managers in the order in which they are tried: the one of the token, else those that were named, else the servers
 * of ossec.conf. What ossec.conf says of a server holds for a manager of the same address, too.
 *
 * @throws EnrollError with `SETTING_INVALID`, the origin named
 */
export function readManagers(sources: Sources, { method, token }: MeantBy): readonly FoundManager[] {
  const managers =
    token === undefined ? namedManagers(sources, method) : [foundHttps(ofEndpoint(token.token.manager), token.origin)];
  const [first] = managers;
  if (first !== undefined) {
    const all = managers.map(({ settings }) => settings);
    requireMeaning(all, first.agentOrigin, sources, method);
  }
  return managers;
}

function namedManagers(sources: Sources, method: Sourced<AskedMethod>): readonly FoundManager[] {
  const given = sources.text('manager');
  if (given === undefined) return serversOfConf(sources, method);
  const { origin } = given;
  const names = splitManagers(given);
  if (names.length === 0) throw refuse(origin, 'it names no host.');
  const managers = parseEach(names, origin, parseManager, A_MANAGER);
  const protocols = listed(sources.text('protocol'), names);
  return managers.map((named, index) => {
    const server = sources.servers.find(({ address }) => isSameHost(address.value, named.host));
    const host = withInterface({ value: named.host, origin }, server?.interfaceIndex, sources);
    if (named.kind === 'https') return foundHttps(httpsManager(host, named.port, named.prefix), origin);
    const port = portBeside(named.port, { value: names[index] ?? '', origin }, sources, method);
    const https = port === undefined ? httpsOfConf({ value: host, origin }, server, sources, method) : undefined;
    if (https !== undefined) return https;
    if (method.value === 'https' && port !== undefined) return foundHttps(httpsManager(host, port), origin);
    return found(
      { value: { host, port: port ?? portOf(server, sources) }, origin },
      protocols[index] ?? protocolOf(server, sources),
      sources,
    );
  });
}

function serversOfConf(sources: Sources, method: Sourced<AskedMethod>): readonly FoundManager[] {
  const { servers } = sources;
  const port = portGiven(sources.text('port'));
  const protocols = listed(
    sources.text('protocol'),
    servers.map(({ address }) => address.value),
  );
  return servers.map((server, index) => {
    const { value, origin } = hostOfConf(server, sources);
    const host = withInterface({ value, origin }, server.interfaceIndex, sources);
    const https = httpsOfConf({ value: host, origin }, server, sources, method);
    if (https !== undefined) return https;
    return found(
      { value: { host, port: port ?? portOf(server, sources) }, origin },
      protocols[index] ?? protocolOf(server, sources),
      sources,
    );
  });
}

/** A manager that ossec.conf names as a Wazuh 5 agent does, unless what only others understand was asked for. */
function httpsOfConf(
  { value: host, origin }: Sourced<string>,
  server: NamedServer | undefined,
  sources: Sources,
  method: Sourced<AskedMethod>,
): FoundManager | undefined {
  if (server?.https === undefined || wantsMessages(sources, method) !== undefined) return undefined;
  const apart = server.port === undefined ? undefined : portGiven(sources.fromConf(server.port));
  return foundHttps(httpsManager(host, server.https.port ?? apart, server.https.prefix), origin);
}

function foundHttps(settings: ManagerSettings, origin: Origin): FoundManager {
  return { settings, agentOrigin: origin, enrollmentOrigin: origin };
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
  return { host, port: strongerPort(own, text, apart) };
}

function strongerPort(
  own: number | undefined,
  text: Sourced<string>,
  apart: Sourced<string> | undefined,
): number | undefined {
  const other = portGiven(apart);
  if (apart === undefined || own === undefined || own === other) return own ?? other;
  if (apart.origin.kind === text.origin.kind) {
    throw refuse(apart.origin, `it contradicts the port in "${text.value}". Give one of the two.`);
  }
  return apart.origin.kind === 'flag' ? other : own;
}

/** The port of agents that was given with a manager or apart. Of one that is asked by https a variable says nothing. */
function portBeside(
  own: number | undefined,
  text: Sourced<string>,
  sources: Sources,
  method: Sourced<AskedMethod>,
): number | undefined {
  const apart = sources.text('port');
  const counts = method.value !== 'https' || apart?.origin.kind === 'flag';
  return strongerPort(own, text, counts ? apart : undefined);
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
  const server = enrollmentServer(host, agent.origin, sources);
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
function enrollmentServer(manager: string, by: Origin, sources: Sources): Sourced<string> | undefined {
  const server = sources.text('enrollment-server');
  if (server?.origin.kind !== 'file' || by.kind === 'file') return server;
  return sources.servers.some(({ address }) => isSameHost(address.value, manager)) ? server : undefined;
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
  const manager = [
    'manager',
    {
      value: all(managers, ({ agent, https }) => (https === undefined ? formatEndpoint(agent) : httpsUrl(https))),
      origin: first.agentOrigin,
    },
  ] as const;
  const older = managers.filter(({ settings }) => settings.https === undefined);
  const [leading] = older;
  if (leading === undefined) {
    const none = { value: '(not used: https)', origin: first.agentOrigin };
    return [manager, ...OF_OLDER.map((name) => [name, none] as const)];
  }
  const { enrollment } = leading.settings;
  const server = enrollmentServer(leading.settings.agent.host, leading.agentOrigin, sources);
  const port = sources.text('enrollment-port');
  return [
    manager,
    ['enrollment-server', { value: enrollment.host, origin: server?.origin ?? DEFAULT_ORIGIN }],
    ['enrollment-port', { value: String(enrollment.port), origin: port?.origin ?? DEFAULT_ORIGIN }],
    ['protocol', shownOfServer(older, sources, 'protocol', ({ protocol }) => protocol)],
    ['port', shownOfServer(older, sources, 'port', ({ agent }) => String(agent.port))],
  ];
}

const OF_OLDER = ['enrollment-server', 'enrollment-port', 'protocol', 'port'] as const;

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
