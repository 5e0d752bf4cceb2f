import { type CommandName, hasOption, OPTION_ROWS, type OptionName } from '../settings/options.js';

/** What a command is for, and the file that it takes, as the help, the man page and the completions say it. */
export interface CommandSyntax {
  readonly describe: string;
  /** What its argument FILE is. Absent: it takes none. */
  readonly file?: string;
}

/** The commands that take options. */
export const COMMANDS: Readonly<Record<CommandName, CommandSyntax>> = {
  enroll: { describe: 'enroll this host and prove the link (the default)' },
  check: { describe: 'prove the link with the key that is there; say what is wrong' },
  import: {
    describe: 'install a key exported by manage_agents or the API, then prove the link',
    file: 'the key: base64, a line of client.keys, or a client.keys with --id or --name; -: standard input',
  },
  export: {
    describe: "write this host's own key for a backup",
    file: 'the new file (mode 0600); -: standard output',
  },
  retire: { describe: 'take this host out: its agent deleted by the REST API, its key set aside' },
  detect: { describe: 'show what would be used, and where each value comes from; contacts nobody' },
  sandbox: { describe: 'a throw-away manager on loopback to try against' },
};

/** Their names, the default command first. */
export const COMMAND_NAMES: readonly CommandName[] = [
  'enroll',
  'check',
  'import',
  'export',
  'retire',
  'detect',
  'sandbox',
];

/** The shells that `agent-enroll completion` knows. */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** The command that prints a completion script. */
export const COMPLETION = 'print a script that completes commands and options in a shell';

// What the sandbox has, which the parser must not load.
const ODDITIES = [
  'missed-second',
  'stalled-connection',
  'empty-keys-exit',
  'skewed-clock',
  'database-down',
  'rate-limited',
  'lost-answer',
  'no-ca',
  'ca-mismatch',
  'other-leaf',
  'hostile-bundle',
  'token-revoked',
  'token-expired',
  'token-used-up',
  'jwt-generation',
  'cmac-generation',
] as const;

/** The options of `sandbox` beside those that all commands have, for the parser; `value` is how the value is written. */
export const SANDBOX_OPTIONS = {
  family: {
    value: 'wazuh-5|wazuh-4|wazuh-3|ossec',
    choices: ['wazuh-5', 'wazuh-4', 'wazuh-3', 'ossec'],
    default: 'wazuh-4',
    describe: 'whose manager to behave like',
  },
  'authd-port': { value: 'PORT', type: 'number', default: 0, describe: 'port of authd; 0: chosen by the system' },
  'agent-port': {
    value: 'PORT',
    type: 'number',
    default: 0,
    describe: 'port of remoted, TCP and UDP; 0: chosen by the system',
  },
  'api-port': { value: 'PORT', type: 'number', default: 0, describe: 'port of the REST API; 0: chosen by the system' },
  'https-port': {
    value: 'PORT',
    type: 'number',
    default: 0,
    describe: 'port of a Wazuh 5 manager, HTTPS; 0: chosen by the system',
  },
  prefix: {
    value: 'PATH',
    type: 'string',
    requiresArg: true,
    describe: 'PATH: what stands before the paths of a Wazuh 5 manager; /: nothing [default: wazuh-manager]',
  },
  enrollment: {
    value: 'credential|open|disabled',
    choices: ['credential', 'open', 'disabled'],
    type: 'string',
    requiresArg: true,
    describe: 'what Wazuh 5 wants for an enrollment [default: credential, a token or the password]',
  },
  legacy: { value: 'on|off', choices: ['on', 'off'], default: 'off', describe: 'ports of 4.x agents on Wazuh 5' },
  'password-file': {
    value: 'FILE',
    type: 'string',
    requiresArg: true,
    describe: 'FILE: ask for the password on its first line',
  },
  groups: { value: 'A,B', type: 'string', requiresArg: true, describe: 'A,B: groups that exist beside default' },
  'reload-delay': {
    value: 'TIME',
    type: 'string',
    requiresArg: true,
    describe: 'TIME: how long remoted takes to learn a new key [default: as real ones, 10s; Wazuh 5: 50ms]',
  },
  oddity: {
    value: ODDITIES.join('|'),
    choices: ODDITIES,
    type: 'string',
    requiresArg: true,
    repeatable: true,
    describe: 'what real managers do now and then; may be given more than once',
  },
} as const;

/** An option as it is typed. */
export interface OptionSyntax {
  /** With its dashes; `--no-…` where only that does anything. */
  readonly flag: string;
  readonly describe: string;
  /** How the value is written: words in lower case stand for themselves. Absent: it takes none. */
  readonly value?: string;
  readonly repeatable: boolean;
  readonly commands: readonly CommandName[];
}

/** All options of all commands; one that differs between commands is there more than once. */
export function optionSyntax(): readonly OptionSyntax[] {
  const rows = [...OPTION_ROWS].map(([name, row]): OptionSyntax => {
    const { flag, describe } = flagOf(name);
    return {
      flag,
      describe,
      ...(row.value === undefined ? {} : { value: row.value }),
      repeatable: row.kind === 'list',
      commands: COMMAND_NAMES.filter((command) => hasOption(command, name)),
    };
  });
  const sandbox = Object.entries(SANDBOX_OPTIONS).map(
    ([name, row]): OptionSyntax => ({
      flag: `--${name}`,
      describe: row.describe.replace(/^[A-Z,]+: /, ''),
      value: row.value,
      repeatable: 'repeatable' in row,
      commands: ['sandbox'],
    }),
  );
  return [...rows, ...sandbox];
}

/** A switch that is on by default is described by what its opposite does. */
function flagOf(name: OptionName): { readonly flag: string; readonly describe: string } {
  const { kind, describe = '' } = OPTION_ROWS.get(name) ?? {};
  const negated = `--no-${name} `;
  if (kind !== 'flag' || !describe.startsWith(negated)) return { flag: `--${name}`, describe };
  return { flag: negated.trim(), describe: describe.slice(negated.length) };
}
