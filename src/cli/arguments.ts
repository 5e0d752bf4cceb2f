import type { Argv } from 'yargs';
import { EnrollError } from '../errors.js';
import { type CommandName, hasOption, OPTION_ROWS, type OptionName } from '../settings/options.js';
import type { Flags } from '../settings/sources.js';

/** Adds the options of a command to the parser, with what the help says of each. */
export function declareOptions(yargs: Argv, command: CommandName): Argv {
  let declared = yargs;
  for (const [name, row] of OPTION_ROWS) {
    if (!hasOption(command, name)) continue;
    declared = declared.option(name, {
      ...(row.kind === 'flag' ? ({ type: 'boolean' } as const) : { requiresArg: true }),
      describe: describeOption(name),
      group: `${row.group}:`,
    });
  }
  return declared;
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
