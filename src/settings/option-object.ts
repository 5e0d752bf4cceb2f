import { EnrollError } from '../errors.js';
import { printable } from '../model/printable.js';
import { type CommandName, hasOption, OPTION_ROWS, type OPTIONS, type OptionName } from './options.js';
import type { Flags } from './sources.js';

/** `password-file` as `passwordFile`. */
type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type Rows = typeof OPTIONS;

/** What concerns printing is the program's. */
type Described = { readonly [Name in OptionName]: Rows[Name]['group'] extends 'Output' ? never : Name }[OptionName];

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

/** An option's name as a member of an object. */
export function memberName(name: OptionName): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

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
    if (name === undefined || row === undefined || row.group === 'Output' || !hasOption(command, name)) {
      throw new EnrollError('SETTING_INVALID', `${command} has no option ${printable(member)}.`);
    }
    flags.set(name, textOf(member, row.kind, value));
  }
  return flags;
}

function textOf(member: string, kind: string, value: unknown): string | boolean | readonly string[] {
  if (kind === 'flag' && typeof value === 'boolean') return value;
  if (kind !== 'flag' && typeof value === 'string') return value;
  if (kind === 'text' && typeof value === 'number') return String(value);
  if (kind === 'list' && Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  const expected = kind === 'flag' ? 'true or false' : kind === 'list' ? 'a text or a list of texts' : 'a text';
  throw new EnrollError('SETTING_INVALID', `${member}: it must be ${expected}.`);
}
