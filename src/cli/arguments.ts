import type { Argv } from 'yargs';
import { EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';
import { looksLikeToken } from '../obtain/https/token.js';
import { type CommandName, hasOption, OPTION_ROWS, type OptionName } from '../settings/options.js';
import type { Flags } from '../settings/sources.js';
import { optionSyntax } from './syntax.js';

/**
 * Adds the options of a command to the parser.
 * @param forHelp with what the help says of each, which takes longer than all else about them
 */
export function declareOptions(yargs: Argv, command: CommandName, forHelp: boolean): Argv {
  let declared = yargs;
  for (const [name, row] of OPTION_ROWS) {
    if (!hasOption(command, name)) continue;
    declared = declared.option(name, {
      ...(row.kind === 'flag' ? ({ type: 'boolean' } as const) : { requiresArg: true }),
      ...(forHelp ? { describe: describeOption(name), group: `${row.group}:` } : {}),
    });
  }
  return declared;
}

/**
 * The arguments with each value written into its option's own word (`--name VALUE` as `--name=VALUE`), so that no parser
 * can take a value for something else: what follows an option that takes a value is its value, whatever it begins with.
 * The one exception is an option of this program, which stands there because the value was left out (`--name $NAME
 * --json` in a script without `NAME`). After `--` there are files alone.
 *
 * @throws EnrollError with `SETTING_INVALID` where a value is missing, or stands where none is taken, and for an
 * enrollment token, which no option takes
 */
export function withValues(args: readonly string[]): string[] {
  if (args.some(looksLikeToken)) throw tokenAsArgument();
  const joined: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') return [...joined, ...args.slice(at + 1).map(asFile)];
    if (/^-[^-]/.test(word) && word !== '-h') throw stray(args[at - 1]);
    if (!TAKES_VALUE.has(word)) {
      joined.push(word);
      continue;
    }
    at += 1;
    const value = args[at];
    if (value === undefined) throw new EnrollError('SETTING_INVALID', `${word} needs a value, and nothing follows it.`);
    if (isOption(value)) throw leftOut(word, value);
    joined.push(`${word}=${value}`);
  }
  return joined;
}

/** Whether the help may be asked for. Where that is no more than likely, it is said to be. */
export function mayAskForHelp(args: readonly string[]): boolean {
  return args.some((word) => /^(?:--?h|help$)/.test(word));
}

// It is repeated nowhere: not in what is printed, and a log may hold that.
function tokenAsArgument(): EnrollError {
  return new EnrollError('SETTING_INVALID', 'There is an enrollment token among the arguments.', {
    hint: 'Give it in a file, or on standard input (--token-file): every user of this host can read arguments in the process list, so make another one on the manager, and revoke this one.',
  });
}

// It is not repeated: it may be the password that was meant for an option with a slip of the pen in it.
function stray(before = ''): EnrollError {
  const isUnknown = before.startsWith('--') && !isOption(before);
  const message = isUnknown
    ? `There is no option ${printable(before.replace(/=.*$/s, ''))}.`
    : 'An argument begins with a dash, and is neither an option (of those with one dash there is only -h) nor the value of one.';
  return new EnrollError('SETTING_INVALID', message, {
    hint: 'Run agent-enroll --help. A file whose name begins with a dash is named after --.',
  });
}

function asFile(word: string): string {
  return /^-./.test(word) ? `./${word}` : word;
}

const TAKES_VALUE: ReadonlySet<string> = new Set(
  optionSyntax().flatMap(({ flag, value }) => (value === undefined ? [] : [flag])),
);

const OPTION_WORDS: ReadonlySet<string> = new Set([
  ...optionSyntax().map(({ flag }) => flag),
  ...[...OPTION_ROWS].flatMap(([name, { kind }]) => (kind === 'flag' ? [`--${name}`, `--no-${name}`] : [])),
  '--help',
  '-h',
  '--version',
]);

/** Whether a word is an option of this program, with or without a value of its own. */
function isOption(word: string): boolean {
  return OPTION_WORDS.has(word.replace(/=.*$/s, ''));
}

function leftOut(option: string, next: string): EnrollError {
  const name = next.replace(/=.*$/s, '');
  return new EnrollError('SETTING_INVALID', `${option} needs a value, and the option ${name} follows it.`, {
    hint: `Give the value. If that is the value, write both as one word: ${option}=${name}.`,
  });
}

/** One line of help: the meaning, the default, the variable of the environment. */
export function describeOption(name: OptionName): string {
  const row = OPTION_ROWS.get(name);
  if (row === undefined) return '';
  const value = row.value === undefined ? '' : `${row.value}: `;
  const notes = [...(row.default === undefined ? [] : [`default: ${row.default}`]), ...row.environment.slice(0, 1)];
  return `${value}${row.describe}${notes.length === 0 ? '' : ` [${notes.join('; ')}]`}`;
}

/**
 * The parsed arguments as flags. An option that takes one value and was given several is refused.
 * @throws EnrollError with `SETTING_INVALID`
 */
export function readFlags(argv: Readonly<Record<string, unknown>>): Flags {
  const flags = new Map<OptionName, string | boolean | readonly string[]>();
  for (const [name, row] of OPTION_ROWS) {
    const given = argv[name];
    if (typeof given === 'string' || typeof given === 'boolean') flags.set(name, given);
    else if (Array.isArray(given)) flags.set(name, several(name, row.kind, given));
  }
  return flags;
}

function several(name: OptionName, kind: string, given: readonly unknown[]): string | boolean | readonly string[] {
  const last: unknown = given.at(-1);
  if (kind === 'flag' && typeof last === 'boolean') return last;
  if (kind === 'list') return given.filter((value) => typeof value === 'string');
  throw new EnrollError('SETTING_INVALID', `--${name} was given ${given.length} times. It takes one value.`);
}
