import { EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';
import { type CommandName, hasOption, memberName, OPTION_ROWS, type OPTIONS, type OptionName } from './options.js';
import type { Flags } from './sources.js';

/** `password-file` as `passwordFile`. */
type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type Rows = typeof OPTIONS;

/** What concerns printing is the program's, and a dry run is `detect`. */
const OF_THE_PROGRAM = ['json', 'quiet', 'verbose', 'color', 'dry-run'] as const satisfies OptionName[];

type Described = Exclude<OptionName, (typeof OF_THE_PROGRAM)[number]>;

type NamesOf<Command extends CommandName> = {
  readonly [Name in Described]: Command extends Rows[Name]['commands'][number] ? Name : never;
}[Described];

type ValueOf<Kind extends string> = Kind extends 'flag'
  ? boolean
  : Kind extends 'list'
    ? string | readonly string[]
    : string | number;

/**
 * The options of a command as an object: the command line's names in camel case, with a text, a number or a list where
 * the command line takes one, and `true` or `false` for what is a switch there (`handshake: false` is `--no-handshake`).
 */
export type OptionsOf<Command extends CommandName> = {
  readonly [Name in NamesOf<Command> as CamelCase<Name>]?: ValueOf<Rows[Name]['kind']> | undefined;
};

/**
 * The options of an object as the settings take them.
 * @throws EnrollError `SETTING_INVALID` for a member that the command has no option for, or of another type
 */
export function flagsOf(command: CommandName, options: Readonly<Record<string, unknown>>): Flags {
  const names = new Map([...OPTION_ROWS.keys()].map((name) => [memberName(name), name] as const));
  const flags = new Map<OptionName, string | boolean | readonly string[]>();
  for (const [member, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const name = names.get(member);
    const row = name === undefined ? undefined : OPTION_ROWS.get(name);
    if (name === undefined || row === undefined || isOfProgram(name) || !hasOption(command, name)) {
      throw new EnrollError('SETTING_INVALID', `${command} has no option ${printable(member)}.`);
    }
    flags.set(name, textOf(member, row.kind, value));
  }
  return flags;
}

function isOfProgram(name: OptionName): boolean {
  return OF_THE_PROGRAM.some((each) => each === name);
}

function textOf(member: string, kind: string, value: unknown): string | boolean | readonly string[] {
  if (kind === 'flag' && typeof value === 'boolean') return value;
  if (kind !== 'flag' && typeof value === 'string') return value;
  if (kind === 'text' && typeof value === 'number') return String(value);
  if (kind === 'list' && Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  const expected = kind === 'flag' ? 'true or false' : kind === 'list' ? 'a text or a list of texts' : 'a text';
  throw new EnrollError('SETTING_INVALID', `${member}: it must be ${expected}.`);
}
