import { isAbsolute, join } from 'node:path';
import type { AgentConf, ConfServer, ConfValue, EnrollmentField } from '../conf/ossec-conf.js';
import { type CommandName, hasOption, memberName, OPTION_ROWS, type OptionName } from './options.js';
import type { Origin, Sourced } from './origin.js';
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
    return typeof given === 'boolean' ? { value: given, origin: this.#flagOrigin(name) } : undefined;
  }

  /** A variable that is no option. */
  variable(name: string): Sourced<string> | undefined {
    const value = this.#environment[name];
    return value === undefined || value === '' ? undefined : { value, origin: { kind: 'environment', name } };
  }

  /** The servers of ossec.conf, without the placeholders that packages ship. */
  get servers(): readonly ConfServer[] {
    const placeholders = ['MANAGER_IP', '0.0.0.0'];
    return (this.#file?.conf.servers ?? []).filter(({ address }) => !placeholders.includes(address.value));
  }

  /** A value of ossec.conf with its place. */
  fromConf(value: ConfValue): Sourced<string> {
    return { value: value.value, origin: this.#place(value) };
  }

  get cryptoMethod(): Sourced<string> | undefined {
    const method = this.#file?.conf.cryptoMethod;
    return method === undefined ? undefined : this.fromConf(method);
  }

  /** A path named in `<enrollment>`, made absolute. */
  confPath(field: EnrollmentField): Sourced<string> | undefined {
    const found = this.#file?.conf.enrollment.get(field);
    if (found === undefined || this.#file === undefined) return undefined;
    const path = isAbsolute(found.value) ? found.value : join(this.#file.home, found.value);
    return { value: path, origin: this.#place(found) };
  }

  /** Whether an origin is an ossec.conf that others than root can change. */
  isOfOthers(origin: Origin): boolean {
    return this.#file?.ofOthers === true && origin.kind === 'file' && origin.path === this.#file.path;
  }

  /** A field of `<enrollment>` as it stands. */
  confField(field: EnrollmentField): Sourced<string> | undefined {
    const found = this.#file?.conf.enrollment.get(field);
    return found === undefined ? undefined : this.fromConf(found);
  }

  #fromFlag(name: OptionName): Sourced<string> | undefined {
    const given = this.#flags.get(name);
    if (given === undefined || typeof given === 'boolean') return undefined;
    const value = typeof given === 'string' ? given : given.join(',');
    const origin = this.#flagOrigin(name);
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
    return { kind: 'file', path: this.#file?.path ?? 'ossec.conf', line: value.line };
  }
}
