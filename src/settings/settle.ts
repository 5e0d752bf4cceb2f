import { CONF_LIMIT, readOssecConf } from '../conf/ossec-conf.js';
import { EnrollError, systemCode } from '../errors.js';
import { type IpSetting, parseIpSetting } from '../host/address-setting.js';
import { checkNameSetting } from '../host/name-pattern.js';
import type { CipherSetting } from '../link/message/candidates.js';
import type { AgentInstallation } from '../model/host.js';
import { readClientCertificate, readTrust } from './credentials.js';
import { readManagers, shownEnrollment, shownManagers, shownPort, shownProtocol } from './managers.js';
import { NO_API, readMethod } from './method.js';
import { type CommandName, hasOption, OPTION_ROWS, type OptionName } from './options.js';
import { DEFAULT_ORIGIN, type Origin, type Sourced } from './origin.js';
import { findPassword, type SettingsEdge, unreadable } from './password.js';
import { type FoundProxy, readProxy } from './proxy-setting.js';
import type { ManagerSettings, Settings, ShownSetting } from './settings.js';
import { type ConfFile, type Environment, type Flags, Sources } from './sources.js';
import { oneOf, parseDuration, parseSetting, parseYesNo, refuse, splitList } from './values.js';

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

const NO_PROXY: FoundProxy = { warnings: [] };
const NO_MANAGERS: Sourced<ManagerSettings[]> = { value: [], origin: DEFAULT_ORIGIN };

/**
 * Settles what is to be done from flags, environment, ossec.conf and defaults, in this order. Everything is checked
 * here, before anybody is contacted, and every file that a setting names is read.
 *
 * @throws EnrollError with `SETTING_INVALID`, `MANAGER_MISSING`, `NAME_UNUSABLE` or `FILE_UNREADABLE`, the origin named
 */
export async function settle(input: SettingsInput): Promise<Settled> {
  const { command, agent, edge } = input;
  const file = await readConf(agent, edge);
  const sources = new Sources(command, input.flags, input.environment, file);
  const enrolls = hasOption(command, 'enrollment-port');
  const managers = hasOption(command, 'manager') ? readManagers(sources) : NO_MANAGERS;
  const proves = sources.switch('handshake')?.value ?? true;
  if (
    managers.value.length === 0 &&
    (command === 'enroll' || command === 'check' || (command === 'import' && proves))
  ) {
    throw new EnrollError('MANAGER_MISSING', 'No manager is named: no flag, no variable and no ossec.conf names one.');
  }
  const found = enrolls ? await findPassword(sources, agent.passwordFile, edge) : { warnings: [] };
  const clientCertificate = enrolls ? await readClientCertificate(sources, edge) : undefined;
  const name = sources.text('name');
  if (name !== undefined) checkNameSetting(name.value);
  const timeout = duration(sources, 'timeout', '10s');
  const deadline = sources.text('deadline') === undefined ? undefined : duration(sources, 'deadline', '');
  const wait = duration(sources, 'wait', command === 'check' ? '15s' : '60s');
  const splay = duration(sources, 'splay', '0s', { zero: true });
  const ip = readIp(sources);
  const cipher = readCipher(sources);
  const proxy = hasOption(command, 'proxy') ? readProxy(sources, managers.value) : NO_PROXY;
  const trust = enrolls ? await readTrust(sources, edge) : { insecure: false };
  const method = enrolls ? await readMethod(sources, trust.insecure, edge) : NO_API;
  const groups = sources.text('groups');
  if (deadline !== undefined && deadline.value <= splay.value) {
    const text = sources.text('splay');
    throw refuse(
      text?.origin ?? DEFAULT_ORIGIN,
      `a host whose turn comes after ${splay.value / 1000} s would have none left of --deadline (${deadline.value / 1000} s).`,
      'Give a deadline that is longer than the splay.',
    );
  }
  const settings: Settings = {
    managers: managers.value,
    ...(name === undefined ? {} : { name: name.value }),
    method: method.method,
    ...(method.api === undefined ? {} : { api: method.api }),
    ip: ip.value,
    groups: groups === undefined ? [] : splitList(groups.value),
    ...(found.password === undefined ? {} : { password: found.password.value }),
    trust,
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(proxy.settings === undefined ? {} : { proxy: proxy.settings }),
    cipher: cipher.value,
    force: sources.switch('force')?.value ?? false,
    handshake: proves,
    writeConfig: sources.switch('write-config')?.value ?? false,
    machineBinding: sources.switch('machine-binding')?.value ?? true,
    splayMs: splay.value,
    timeoutMs: timeout.value,
    retries: readRetries(sources),
    ...(deadline === undefined ? {} : { deadlineMs: deadline.value }),
    waitMs: wait.value,
  };
  const effective = new Map<OptionName, Sourced<string>>([
    ['manager', shownManagers(managers)],
    ['method', method.shown],
    ['enrollment-server', shownEnrollment(managers, sources, 'enrollment-server')],
    ['enrollment-port', shownEnrollment(managers, sources, 'enrollment-port')],
    ...(proxy.shown === undefined ? [] : [['proxy', proxy.shown] as const]),
    ['protocol', shownProtocol(managers, sources)],
    ['port', shownPort(managers, sources)],
    ['ip', shownIp(ip)],
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
    warnings: [...confWarnings(file, sources), ...found.warnings, ...proxy.warnings, ...method.warnings],
  };
}

async function readConf(agent: AgentInstallation, edge: SettingsEdge): Promise<ConfFile | undefined> {
  const path = agent.configFile;
  try {
    const text = await edge.readText(path, CONF_LIMIT + 1);
    if (Buffer.byteLength(text) > CONF_LIMIT) {
      throw new EnrollError('FILE_UNREADABLE', `${path} is larger than ${CONF_LIMIT / 1024 / 1024} MiB.`, {
        hint: 'This is no configuration of an agent. Restore the file, or name another home with --agent-home.',
      });
    }
    return { path, home: agent.home, conf: readOssecConf(text) };
  } catch (thrown) {
    if (thrown instanceof EnrollError) throw thrown;
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
  const enabled = sources.has('enrollment-port') ? sources.confField('enabled') : undefined;
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
  const useSource = sources.has('ip') ? sources.confField('use_source_ip') : undefined;
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

function duration(sources: Sources, name: OptionName, otherwise: string, allowed = { zero: false }): Sourced<number> {
  const text = sources.text(name) ?? { value: otherwise, origin: DEFAULT_ORIGIN };
  const parsed = parseSetting(text, parseDuration, 'a length of time (10, 10s, 500ms, 2m)');
  if (parsed.value === 0 && !allowed.zero) throw refuse(text.origin, 'it must be longer than 0.');
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

function shownIp({ value, origin }: Sourced<IpSetting>): Sourced<string> {
  return { value: value.kind === 'address' ? value.address : value.kind, origin };
}

function shownDuration(time: Sourced<number>): Sourced<string> {
  return { value: `${time.value / 1000}s`, origin: time.origin };
}
