import { EnrollError, systemCode } from '../errors.js';
import { type IpSetting, parseIpSetting } from '../host/address-setting.js';
import type { AgentInstallation } from '../host/host.js';
import { checkAgentName } from '../host/name.js';
import type { CipherSetting } from '../link/candidates.js';
import type { Protocol } from '../link/transport.js';
import { formatEndpoint } from '../manager.js';
import { readClientCertificate, readTrust } from './credentials.js';
import { type CommandName, hasOption, OPTION_ROWS, type OptionName } from './options.js';
import type { Origin, Sourced } from './origin.js';
import { readOssecConf } from './ossec-conf.js';
import { findPassword, type SettingsEdge, unreadable } from './password.js';
import type { ManagerSettings, Settings, ShownSetting } from './settings.js';
import { type ConfFile, type Environment, type Flags, Sources } from './sources.js';
import {
  oneOf,
  parseDuration,
  parseHost,
  parseHostPort,
  parsePort,
  parseSetting,
  parseYesNo,
  refuse,
  splitList,
  withPort,
} from './values.js';

/** What the settings are made of. */
export interface SettingsInput {
  readonly command: CommandName;
  readonly flags: Flags;
  readonly environment: Environment;
  readonly agent: AgentInstallation;
  readonly edge: SettingsEdge;
}

/** The settings, where each comes from, and what the user should be told about them. */
export interface Settled {
  readonly settings: Settings;
  readonly shown: readonly ShownSetting[];
  readonly warnings: readonly string[];
}

const AGENT_PORT = 1514;
const ENROLLMENT_PORT = 1515;
const CONF_LIMIT = 4 * 1024 * 1024;
const DEFAULT_ORIGIN: Origin = { kind: 'default' };

/**
 * Settles what is to be done from flags, environment, ossec.conf and defaults, in this order. Everything is checked
 * here, before anybody is contacted, and every file that a setting names is read.
 *
 * @throws EnrollError with `SETTING_INVALID`, `MANAGER_MISSING`, `NAME_UNUSABLE` or `FILE_UNREADABLE`, the origin named
 */
export async function settle(input: SettingsInput): Promise<Settled> {
  const { command, agent, edge } = input;
  const file = await readConf(agent, edge);
  const sources = new Sources(input.flags, input.environment, file);
  const enrolls = hasOption(command, 'enrollment-port');
  const managers = readManagers(sources);
  if (managers.value.length === 0 && command !== 'detect') {
    throw new EnrollError('MANAGER_MISSING', 'No manager is named: no flag, no variable and no ossec.conf names one.');
  }
  const found = enrolls ? await findPassword(sources, agent.passwordFile, edge) : { warnings: [] };
  const clientCertificate = enrolls ? await readClientCertificate(sources, edge) : undefined;
  const name = sources.text('name');
  if (name !== undefined) checkAgentName(name.value);
  const timeout = duration(sources, 'timeout', '10s');
  const deadline = sources.text('deadline') === undefined ? undefined : duration(sources, 'deadline', '');
  const wait = duration(sources, 'wait', command === 'check' ? '15s' : '60s');
  const ip = readIp(sources);
  const cipher = readCipher(sources);
  const groups = sources.text('groups');
  const settings: Settings = {
    managers: managers.value,
    ...(name === undefined ? {} : { name: name.value }),
    ip: ip.value,
    groups: groups === undefined ? [] : splitList(groups.value),
    ...(found.password === undefined ? {} : { password: found.password.value }),
    trust: enrolls ? await readTrust(sources, edge) : { insecure: false },
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    cipher: cipher.value,
    force: sources.switch('force')?.value ?? false,
    handshake: sources.switch('handshake')?.value ?? true,
    timeoutMs: timeout.value,
    retries: readRetries(sources),
    ...(deadline === undefined ? {} : { deadlineMs: deadline.value }),
    waitMs: wait.value,
  };
  const effective = new Map<OptionName, Sourced<string>>([
    ['manager', shownManagers(managers)],
    ['enrollment-server', shownEnrollment(managers, sources, 'enrollment-server')],
    ['enrollment-port', shownEnrollment(managers, sources, 'enrollment-port')],
    ['protocol', shownProtocol(managers, sources)],
    ['cipher', cipher],
    ['timeout', shownDuration(timeout)],
    ['wait', shownDuration(wait)],
    ['agent-home', sources.text('agent-home') ?? { value: agent.home, origin: DEFAULT_ORIGIN }],
    ['keys', sources.text('keys') ?? { value: agent.keysFile, origin: DEFAULT_ORIGIN }],
    ...(found.password === undefined ? [] : [['password', { value: '(set)', origin: found.password.origin }] as const]),
  ]);
  return {
    settings,
    shown: show(sources, effective, command),
    warnings: [...confWarnings(file, sources), ...found.warnings],
  };
}

async function readConf(agent: AgentInstallation, edge: SettingsEdge): Promise<ConfFile | undefined> {
  const path = agent.configFile;
  try {
    return { path, home: agent.home, conf: readOssecConf(await edge.readText(path, CONF_LIMIT)) };
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, { kind: 'file', path }, thrown);
  }
}

function confWarnings(file: ConfFile | undefined, sources: Sources): string[] {
  const warnings = (file?.conf.faults ?? [])
    .slice(0, 1)
    .map(
      ({ line, what }) =>
        `${file?.path}, line ${line}: ${what.replace(/\.$/, '')}. What could be read of the file was used.`,
    );
  const enabled = sources.confField('enabled');
  if (enabled !== undefined && parseSetting(enabled, parseYesNo, 'yes or no').value === false) {
    warnings.push(
      `${file?.path}, line ${lineOf(enabled.origin)}: the agent's own enrollment is switched off there; this run enrolls all the same.`,
    );
  }
  return warnings;
}

function lineOf(origin: Origin): string {
  return origin.kind === 'file' && origin.line !== undefined ? String(origin.line) : '?';
}

function readManagers(sources: Sources): Sourced<ManagerSettings[]> {
  const given = sources.text('manager');
  const port = sources.text('port');
  const portNumber = port === undefined ? undefined : parseSetting(port, parsePort, 'a port (1 to 65535)');
  if (given === undefined) return serversOfConf(sources, portNumber);
  const names = splitList(given.value);
  if (names.length === 0) throw refuse(given.origin, 'it names no host.');
  const protocols = listed(sources.text('protocol'), names.length);
  const managers = names.map((text, index) => {
    const host = parseSetting({ value: text, origin: given.origin }, parseHostPort, 'HOST or HOST:PORT').value;
    if (
      host.port !== undefined &&
      portNumber !== undefined &&
      portNumber.value !== host.port &&
      portNumber.origin.kind === 'flag'
    ) {
      throw refuse(portNumber.origin, `it contradicts the port in "${text}". Give one of the two.`);
    }
    const agent = withPort(host, portNumber?.value ?? AGENT_PORT);
    return manager(agent.host, agent.port, protocol(protocols[index]), sources);
  });
  return { value: managers, origin: given.origin };
}

function serversOfConf(sources: Sources, port: Sourced<number> | undefined): Sourced<ManagerSettings[]> {
  const flagged = sources.text('protocol');
  const managers = sources.servers.map((server) => {
    const host = parseSetting(sources.fromConf(server.address), parseHost, 'a host name or address').value;
    const own =
      server.port === undefined
        ? undefined
        : parseSetting(sources.fromConf(server.port), parsePort, 'a port (1 to 65535)');
    const speaks = flagged ?? (server.protocol === undefined ? undefined : sources.fromConf(server.protocol));
    return manager(host, port?.value ?? own?.value ?? AGENT_PORT, protocol(listed(speaks, 1)[0]), sources);
  });
  const [first] = sources.servers;
  return { value: managers, origin: first === undefined ? DEFAULT_ORIGIN : sources.fromConf(first.address).origin };
}

function manager(host: string, port: number, speaks: 'auto' | Protocol, sources: Sources): ManagerSettings {
  const server = sources.text('enrollment-server');
  const asked = sources.text('enrollment-port');
  const where = server === undefined ? { host } : parseSetting(server, parseHostPort, 'HOST or HOST:PORT').value;
  const enrollmentPort =
    asked === undefined ? ENROLLMENT_PORT : parseSetting(asked, parsePort, 'a port (1 to 65535)').value;
  return { agent: { host, port }, protocol: speaks, enrollment: withPort(where, enrollmentPort) };
}

/** Packages take one protocol for all managers, or a list of as many as there are managers. */
function listed(text: Sourced<string> | undefined, count: number): (Sourced<string> | undefined)[] {
  if (text === undefined) return Array.from({ length: count }, () => undefined);
  const parts = splitList(text.value);
  return Array.from({ length: count }, (_, index) => ({
    value: parts[index] ?? parts.at(-1) ?? '',
    origin: text.origin,
  }));
}

function protocol(text: Sourced<string> | undefined): 'auto' | Protocol {
  return text === undefined ? 'auto' : parseSetting(text, oneOf('auto', 'tcp', 'udp'), 'auto, tcp or udp').value;
}

function readCipher(sources: Sources): Sourced<CipherSetting> {
  const given = sources.text('cipher') ?? sources.cryptoMethod;
  if (given === undefined) return { value: 'auto', origin: DEFAULT_ORIGIN };
  return parseSetting(given, oneOf('auto', 'aes', 'blowfish'), 'auto, aes or blowfish');
}

/** Runs a reader that knows its field but not where the text stands. */
function readWith<T>(text: Sourced<string>, read: (text: string) => T): T {
  try {
    return read(text.value);
  } catch (thrown) {
    throw thrown instanceof EnrollError ? refuse(text.origin, thrown.message, thrown.hint) : thrown;
  }
}

function readIp(sources: Sources): Sourced<IpSetting> {
  const given = sources.text('ip');
  if (given !== undefined) return { value: readWith(given, parseIpSetting), origin: given.origin };
  const useSource = sources.confField('use_source_ip');
  if (useSource !== undefined && parseSetting(useSource, parseYesNo, 'yes or no').value) {
    return { value: { kind: 'source' }, origin: useSource.origin };
  }
  return { value: { kind: 'auto' }, origin: DEFAULT_ORIGIN };
}

function readRetries(sources: Sources): number {
  const text = sources.text('retries') ?? { value: '3', origin: DEFAULT_ORIGIN };
  const whole = (word: string) => (/^\d{1,4}$/.test(word) ? Number(word) : undefined);
  return parseSetting(text, whole, 'a number (0 to 9999)').value;
}

function duration(sources: Sources, name: OptionName, otherwise: string): Sourced<number> {
  const text = sources.text(name) ?? { value: otherwise, origin: DEFAULT_ORIGIN };
  const parsed = parseSetting(text, parseDuration, 'a length of time (10, 10s, 500ms, 2m)');
  if (parsed.value === 0) throw refuse(text.origin, 'it must be longer than 0.');
  return parsed;
}

/** Every option of `command` that has a value, in the order of the table. */
function show(
  sources: Sources,
  effective: ReadonlyMap<OptionName, Sourced<string>>,
  command: CommandName,
): ShownSetting[] {
  const lines: ShownSetting[] = [];
  for (const [name, row] of OPTION_ROWS) {
    if (row.group === 'Output' || !hasOption(command, name)) continue;
    const found = effective.get(name) ?? (row.secret === true ? undefined : sources.text(name));
    const flag = sources.switch(name);
    if (found !== undefined && found.value !== '') lines.push({ name, value: found.value, origin: found.origin });
    else if (flag !== undefined) lines.push({ name, value: flag.value ? 'yes' : 'no', origin: flag.origin });
    else if (row.default !== undefined) lines.push({ name, value: row.default, origin: DEFAULT_ORIGIN });
  }
  return lines;
}

function shownManagers(managers: Sourced<ManagerSettings[]>): Sourced<string> {
  return { value: managers.value.map(({ agent }) => formatEndpoint(agent)).join(', '), origin: managers.origin };
}

function shownEnrollment(
  managers: Sourced<ManagerSettings[]>,
  sources: Sources,
  name: 'enrollment-server' | 'enrollment-port',
): Sourced<string> {
  const [first] = managers.value;
  const origin = sources.text(name)?.origin ?? DEFAULT_ORIGIN;
  if (first === undefined) return { value: '', origin };
  return { value: name === 'enrollment-server' ? first.enrollment.host : String(first.enrollment.port), origin };
}

function shownProtocol(managers: Sourced<ManagerSettings[]>, sources: Sources): Sourced<string> {
  const given = sources.text('protocol');
  const [server] = sources.servers;
  const inFile =
    managers.origin.kind === 'file' && server?.protocol !== undefined
      ? sources.fromConf(server.protocol).origin
      : DEFAULT_ORIGIN;
  return { value: managers.value.map(({ protocol }) => protocol).join(', '), origin: given?.origin ?? inFile };
}

function shownDuration(time: Sourced<number>): Sourced<string> {
  return { value: `${time.value / 1000}s`, origin: time.origin };
}
