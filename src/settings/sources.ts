import { isAbsolute, join } from 'node:path';
import type { AgentConf, ConfValue, EnrollmentField } from '../conf/ossec-conf.js';
import { type NamedServer, type NamedServers, serversOf } from './conf-servers.js';
import { type CommandName, hasOption, memberName, OPTION_ROWS, type OptionName } from './options.js';
import { describeOrigin, type Origin, type Sourced } from './origin.js';
import { isServiceLink } from './service-link.js';
import { refuse } from './values.js';

/** What the command line gave: text, several texts, or a switch. */
export type Flags = ReadonlyMap<OptionName, string | boolean | readonly string[]>;

/** By whom the flags were given: by the arguments of the program, or in an object by one that uses the library. */
export type GivenBy = 'arguments' | 'library';

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An ossec.conf that was read. */
export interface ConfFile {
  readonly path: string;
  /** Relative paths in it start here. */
  readonly home: string;
  readonly conf: AgentConf;
  /** Whether others than root can change it. */
  readonly ofOthers: boolean;
  /** Whether it is read by a Wazuh 5 agent, which takes the address alone of what agents of 4.x have left in it. */
  readonly of5: boolean;
}

/** How the options are called in `<enrollment>` of ossec.conf. */
const CONF_FIELDS: ReadonlyMap<OptionName, EnrollmentField> = new Map([
  ['enrollment-server', 'manager_address'],
  ['enrollment-port', 'port'],
  ['name', 'agent_name'],
  ['groups', 'groups'],
  ['ip', 'agent_address'],
  ['ca', 'server_ca_path'],
  ['cert', 'agent_certificate_path'],
  ['key', 'agent_key_path'],
]);

const CONF_PATHS: ReadonlySet<OptionName> = new Set(['ca', 'cert', 'key']);

/** Looks settings up where they may be: flag, then environment, then ossec.conf. What a command has no option for it has no setting for. */
export class Sources {
  readonly #command: CommandName;
  readonly #flags: Flags;
  readonly #environment: Environment;
  readonly #file: ConfFile | undefined;
  readonly #given: GivenBy;
  /** By their descriptions, and those of values in ossec.conf, of which a line may hold several, as they are. */
  readonly #passedOver = new Set<string | Origin>();
  readonly #places = new Map<ConfValue, Origin>();
  /** Asked for again for each manager; until something else is passed over it stays. */
  #servers: NamedServers | undefined;

  constructor(
    command: CommandName,
    flags: Flags,
    environment: Environment,
    file: ConfFile | undefined,
    given: GivenBy = 'arguments',
  ) {
    this.#command = command;
    this.#flags = flags;
    this.#environment = environment;
    this.#file = file;
    this.#given = given;
  }

  /** From now on what stands there counts as not given: it was refused, and the rest is to be seen all the same. */
  passOver(origin: Origin): void {
    this.#passedOver.add(isInLine(origin) ? origin : describeOrigin(origin));
    this.#servers = undefined;
  }

  /** Whether what stands there counts as not given. */
  isPassedOver(origin: Origin): boolean {
    return this.#passedOver.has(isInLine(origin) ? origin : describeOrigin(origin));
  }

  /** The same, as another command finds it. */
  as(command: CommandName): Sources {
    return new Sources(command, this.#flags, this.#environment, this.#file, this.#given);
  }

  /** Whether the command has this option. */
  has(name: OptionName): boolean {
    return hasOption(this.#command, name);
  }

  /**
   * The text of an option, and where it was found. An empty variable counts as not given, as installers leave them.
   * @throws EnrollError with `SETTING_INVALID` for an empty flag, which is what a script with a mistake in it gives
   */
  text(name: OptionName): Sourced<string> | undefined {
    if (!this.has(name)) return undefined;
    return this.#fromFlag(name) ?? this.#fromEnvironment(name) ?? this.#fromFile(name);
  }

  /** A switch, which only the command line has. */
  switch(name: OptionName): Sourced<boolean> | undefined {
    const given = this.#flags.get(name);
    const origin = this.#flagOrigin(name);
    return typeof given !== 'boolean' || this.isPassedOver(origin) ? undefined : { value: given, origin };
  }

  /** A variable of the environment. One that somebody else has set for a purpose of its own counts as not given. */
  variable(name: string): Sourced<string> | undefined {
    const value = this.#environment[name];
    const origin: Origin = { kind: 'environment', name };
    if (value === undefined || value === '' || this.isPassedOver(origin)) return undefined;
    return isServiceLink(name, value) ? undefined : { value, origin };
  }

  /** The variables that are called as an option's and were set by Kubernetes or Docker, where no flag is given instead. */
  get serviceLinks(): readonly Sourced<string>[] {
    const names = [...OPTION_ROWS].filter(([name]) => this.has(name) && !this.#flags.has(name));
    return names
      .flatMap(([, { environment }]) => environment)
      .map((name) => ({ value: this.#environment[name] ?? '', origin: { kind: 'environment', name } as const }))
      .filter(({ value, origin }) => isServiceLink(origin.name, value));
  }

  /** The variables of an option that are there and empty, as installers leave them. */
  emptyVariables(name: OptionName): readonly string[] {
    return (OPTION_ROWS.get(name)?.environment ?? []).filter((variable) => this.#environment[variable] === '');
  }

  /** The servers of ossec.conf, without the placeholders that packages ship. */
  get servers(): readonly NamedServer[] {
    return this.#named.servers;
  }

  /** The places of ossec.conf where a server is still to be filled in. */
  get placeholders(): readonly Sourced<string>[] {
    return this.#named.placeholders.map((value) => this.fromConf(value));
  }

  get #named(): NamedServers {
    if (this.#file === undefined) return { servers: [], placeholders: [] };
    this.#servers ??= serversOf(this.#file.conf, this.#file.of5, (value) => this.isPassedOver(this.#place(value)));
    return this.#servers;
  }

  /** The path of the ossec.conf that was read; absent: there is none. */
  get confFile(): string | undefined {
    return this.#file?.path;
  }

  /** A value of ossec.conf with its place. */
  fromConf(value: ConfValue): Sourced<string> {
    return { value: value.value, origin: this.#place(value) };
  }

  get cryptoMethod(): Sourced<string> | undefined {
    const method = this.#file?.conf.cryptoMethod;
    return method === undefined || this.isPassedOver(this.#place(method)) ? undefined : this.fromConf(method);
  }

  /** A path named in `<enrollment>`, made absolute. */
  confPath(field: EnrollmentField): Sourced<string> | undefined {
    const found = this.confField(field);
    if (found === undefined || this.#file === undefined) return undefined;
    const path = isAbsolute(found.value) ? found.value : join(this.#file.home, found.value);
    return { value: path, origin: found.origin };
  }

  /** Whether an origin is an ossec.conf that others than root can change. */
  isOfOthers(origin: Origin): boolean {
    return this.#file?.ofOthers === true && origin.kind === 'file' && origin.path === this.#file.path;
  }

  /** A field of `<enrollment>` as it stands. */
  confField(field: EnrollmentField): Sourced<string> | undefined {
    const found = this.#file?.conf.enrollment.get(field);
    return found === undefined || this.isPassedOver(this.#place(found)) ? undefined : this.fromConf(found);
  }

  #fromFlag(name: OptionName): Sourced<string> | undefined {
    const given = this.#flags.get(name);
    if (given === undefined || typeof given === 'boolean') return undefined;
    const value = typeof given === 'string' ? given : given.join(',');
    const origin = this.#flagOrigin(name);
    if (this.isPassedOver(origin)) return undefined;
    if (value.trim() === '' && OPTION_ROWS.get(name)?.kind !== 'list') throw refuse(origin, 'it is empty.');
    return { value, origin };
  }

  #flagOrigin(name: OptionName): Origin {
    return this.#given === 'arguments'
      ? { kind: 'flag', name }
      : { kind: 'flag', name: memberName(name), given: 'in memory' };
  }

  #fromEnvironment(name: OptionName): Sourced<string> | undefined {
    for (const variable of OPTION_ROWS.get(name)?.environment ?? []) {
      const found = this.variable(variable);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #fromFile(name: OptionName): Sourced<string> | undefined {
    const field = CONF_FIELDS.get(name);
    if (field === undefined) return undefined;
    return CONF_PATHS.has(name) ? this.confPath(field) : this.confField(field);
  }

  #place(value: ConfValue): Origin {
    const known = this.#places.get(value);
    if (known !== undefined) return known;
    const place: Origin = { kind: 'file', path: this.#file?.path ?? 'ossec.conf', line: value.line };
    this.#places.set(value, place);
    return place;
  }
}

function isInLine(origin: Origin): boolean {
  return origin.kind === 'file' && origin.line !== undefined;
}
