import type { ConfServer } from '../conf/ossec-conf.js';
import type { Protocol } from '../link/message/transport.js';
import { formatEndpoint } from '../model/endpoint.js';
import { DEFAULT_ORIGIN, type Sourced } from './origin.js';
import type { ManagerSettings } from './settings.js';
import type { Sources } from './sources.js';
import { oneOf, parseHost, parseHostPort, parsePort, parseSetting, refuse, splitList } from './values.js';

const AGENT_PORT = 1514;
const ENROLLMENT_PORT = 1515;
const A_PORT = 'a port (1 to 65535)';
const A_HOST_AND_PORT = 'HOST or HOST:PORT, with a port from 1 to 65535';

/**
 * The managers in the order in which they are tried: those that were named, else the servers of ossec.conf. What
 * ossec.conf says of a server holds for a manager of the same address, too.
 *
 * @throws EnrollError with `SETTING_INVALID`, the origin named
 */
export function readManagers(sources: Sources): Sourced<ManagerSettings[]> {
  const given = sources.text('manager');
  if (given === undefined) return serversOfConf(sources);
  const names = splitList(given.value);
  if (names.length === 0) throw refuse(given.origin, 'it names no host.');
  const protocols = listed(sources.text('protocol'), names);
  const managers = names.map((text, index) => {
    const { host, port } = hostPort({ value: text, origin: given.origin }, sources.text('port'));
    const server = sources.servers.find(({ address }) => address.value.toLowerCase() === host.toLowerCase());
    return manager(host, port ?? portOf(server, sources), protocols[index] ?? protocolOf(server, sources), sources);
  });
  return { value: managers, origin: given.origin };
}

function serversOfConf(sources: Sources): Sourced<ManagerSettings[]> {
  const { servers } = sources;
  const port = portGiven(sources.text('port'));
  const protocols = listed(
    sources.text('protocol'),
    servers.map(({ address }) => address.value),
  );
  const managers = servers.map((server, index) => {
    const host = parseSetting(sources.fromConf(server.address), parseHost, 'a host name or address').value;
    return manager(host, port ?? portOf(server, sources), protocols[index] ?? protocolOf(server, sources), sources);
  });
  const [first] = servers;
  return { value: managers, origin: first === undefined ? DEFAULT_ORIGIN : sources.fromConf(first.address).origin };
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

function portOf(server: ConfServer | undefined, sources: Sources): number {
  return portGiven(server?.port === undefined ? undefined : sources.fromConf(server.port)) ?? AGENT_PORT;
}

function protocolOf(server: ConfServer | undefined, sources: Sources): 'auto' | Protocol {
  return server?.protocol === undefined ? 'auto' : parseProtocol(sources.fromConf(server.protocol));
}

/**
 * Where authd is, if not on the manager. What ossec.conf says of it belongs to the managers that ossec.conf names: a
 * host that is moved to another manager by a flag must not ask the old one for its key.
 */
function enrollmentServer(manager: string, sources: Sources): Sourced<string> | undefined {
  const server = sources.text('enrollment-server');
  const named = sources.servers.some(({ address }) => address.value.toLowerCase() === manager.toLowerCase());
  return server?.origin.kind === 'file' && !named ? undefined : server;
}

function manager(host: string, port: number, protocol: 'auto' | Protocol, sources: Sources): ManagerSettings {
  const server = enrollmentServer(host, sources);
  const apart = sources.text('enrollment-port');
  const where = server === undefined ? { host, port: portGiven(apart) } : hostPort(server, apart);
  return {
    agent: { host, port },
    protocol,
    enrollment: { host: where.host, port: where.port ?? ENROLLMENT_PORT },
  };
}

/** Packages take one protocol for all managers, or a list of as many as there are managers. */
function listed(text: Sourced<string> | undefined, managers: readonly string[]): ('auto' | Protocol | undefined)[] {
  if (text === undefined) return [];
  const parts = splitList(text.value).map((value) => parseProtocol({ value, origin: text.origin }));
  if (parts.length > Math.max(1, managers.length)) {
    throw refuse(text.origin, `it names ${parts.length} protocols for ${managers.length} managers.`);
  }
  return managers.map((_, index) => parts[index] ?? parts.at(-1));
}

function parseProtocol(text: Sourced<string>): 'auto' | Protocol {
  return parseSetting(text, oneOf('auto', 'tcp', 'udp'), 'auto, tcp or udp').value;
}

/** The managers as `detect` shows them. */
export function shownManagers(managers: Sourced<ManagerSettings[]>): Sourced<string> {
  return { value: managers.value.map(({ agent }) => formatEndpoint(agent)).join(', '), origin: managers.origin };
}

/** Where authd is, as `detect` shows it. */
export function shownEnrollment(
  managers: Sourced<ManagerSettings[]>,
  sources: Sources,
  name: 'enrollment-server' | 'enrollment-port',
): Sourced<string> {
  const [first] = managers.value;
  if (first === undefined) return { value: '', origin: DEFAULT_ORIGIN };
  const given = name === 'enrollment-server' ? enrollmentServer(first.agent.host, sources) : sources.text(name);
  const origin = given?.origin ?? DEFAULT_ORIGIN;
  return { value: name === 'enrollment-server' ? first.enrollment.host : String(first.enrollment.port), origin };
}

/** The protocols in the order of the managers. */
export function shownProtocol(managers: Sourced<ManagerSettings[]>, sources: Sources): Sourced<string> {
  return shownOfFirst(managers, sources, 'protocol', ({ protocol }) => protocol);
}

/** The agent ports in the order of the managers. */
export function shownPort(managers: Sourced<ManagerSettings[]>, sources: Sources): Sourced<string> {
  return shownOfFirst(managers, sources, 'port', ({ agent }) => String(agent.port));
}

function shownOfFirst(
  managers: Sourced<ManagerSettings[]>,
  sources: Sources,
  name: 'port' | 'protocol',
  value: (manager: ManagerSettings) => string,
): Sourced<string> {
  const [first] = managers.value;
  const server = sources.servers.find(({ address }) => address.value.toLowerCase() === first?.agent.host.toLowerCase());
  const inFile = server?.[name] === undefined ? DEFAULT_ORIGIN : sources.fromConf(server[name]).origin;
  return { value: managers.value.map(value).join(', '), origin: sources.text(name)?.origin ?? inFile };
}
