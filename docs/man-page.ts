/** The man page, made from the tables that the parser is made from. */
import { COMMAND_NAMES, COMMANDS, COMPLETION, optionSyntax, SHELLS } from '../src/cli/syntax.js';
import { EXIT, EXIT_MEANINGS } from '../src/errors.js';
import { OPTION_ROWS } from '../src/settings/options.js';

/** Where it lies, relative to this directory. */
export const MAN_PAGE = '../man/agent-enroll.1';

/** The page agent-enroll(1), in the man macros. */
export function manPage(): string {
  return [
    '.\\" Made by "npm run docs".',
    '.TH AGENT\\-ENROLL 1 "2026-11-23" "agent\\-enroll" "User Commands"',
    '.SH NAME',
    'agent\\-enroll \\- enroll a host with its Wazuh or OSSEC manager and prove the link',
    '.SH SYNOPSIS',
    '.B agent\\-enroll',
    '.RI [ command ]',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    text('Takes this host from "no key" to "the manager answered, encrypted with this key": it identifies the host,'),
    text('obtains a key from the manager, installs it in client.keys, and proves the link with a test handshake.'),
    text('It can be run again at any time: a key that works is left alone.'),
    '.SH COMMANDS',
    ...COMMAND_NAMES.flatMap((name) => {
      const { describe, file } = COMMANDS[name];
      return item(file === undefined ? bold(name) : `${bold(name)} [\\fIFILE\\fR]`, sentences(describe, file));
    }),
    ...item(`${bold('completion')} \\fI${text(SHELLS.join('|'))}\\fR`, sentences(COMPLETION)),
    '.SH OPTIONS',
    text('A setting is looked for on the command line, then in the environment, then in the ossec.conf of the agent.'),
    ...groups(),
    '.SS "Options of sandbox"',
    ...optionSyntax()
      .slice(OPTION_ROWS.size)
      .flatMap(({ flag, value = '', describe }) =>
        item(option(flag, shortened(value)), sentences(describe, ...listed(value))),
      ),
    '.SH EXIT STATUS',
    ...Object.entries(EXIT).flatMap(([name, exit]) => item(bold(String(exit)), sentences(meaning(name)))),
    '.SH FILES',
    ...item(text('/var/ossec/etc/client.keys'), ['The key.']),
    ...item(text('/var/ossec/.agent-enroll/notes.json'), [
      text("What is remembered: managers' certificates, and the machine that the key belongs to."),
    ]),
    ...item(text('$CREDENTIALS_DIRECTORY/agent-enroll.password'), [
      'The enrollment password, where systemd passes it.',
    ]),
    '.SH EXAMPLES',
    '.nf',
    text('agent-enroll --manager siem.example.org --password-file /run/secrets/enrollment'),
    text('agent-enroll check'),
    text('agent-enroll sandbox'),
    '.fi',
    '',
  ].join('\n');
}

function groups(): readonly string[] {
  const rows = [...OPTION_ROWS.values()];
  const syntax = optionSyntax();
  const names = [...new Set(rows.map(({ group }) => group))];
  return names.flatMap((group) => [
    `.SS ${group}`,
    ...rows.flatMap((row, index) => {
      const { flag = '', value = '', describe = '', commands = [] } = syntax[index] ?? {};
      if (row.group !== group) return [];
      const preset = row.default === undefined || flag.startsWith('--no-') ? [] : [`Default: ${text(row.default)}.`];
      const variables = row.environment.length === 0 ? [] : [`Environment: ${text(row.environment.join(', '))}.`];
      const taken = commands.length === COMMAND_NAMES.length ? [] : [`Commands: ${commands.join(', ')}.`];
      return item(option(flag, value), [...sentences(describe), ...preset, ...variables, ...taken]);
    }),
  ]);
}

function item(head: string, body: readonly string[]): readonly string[] {
  return ['.TP', head, ...body];
}

/** What no line can be broken in. */
const LONGEST_VALUE = 60;

function shortened(value: string): string {
  return value.length > LONGEST_VALUE ? 'WORD' : value;
}

/** The words of a value that is too long to stand beside its flag. */
function listed(value: string): readonly string[] {
  return value.length > LONGEST_VALUE ? [`One of ${value.split('|').join(', ')}`] : [];
}

function option(flag: string, value: string): string {
  return value === '' ? bold(flag) : `${bold(flag)} \\fI${text(value)}\\fR`;
}

function bold(word: string): string {
  return `\\fB${text(word)}\\fR`;
}

function sentences(...parts: readonly (string | undefined)[]): readonly string[] {
  return parts
    .filter((part) => part !== undefined)
    .map((part) => `${text(part.charAt(0).toUpperCase() + part.slice(1))}.`);
}

function meaning(name: string): string {
  return Object.entries(EXIT_MEANINGS).find(([key]) => key === name)?.[1] ?? '';
}

/** As roff reads it: backslashes, hyphens that are typed, and a dot or an apostrophe at the start of a line. */
function text(words: string): string {
  return words.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}
