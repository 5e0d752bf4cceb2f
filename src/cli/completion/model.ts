import type { CommandName } from '../../settings/options.js';
import { COMMAND_NAMES, COMMANDS, COMPLETION, optionSyntax, SHELLS } from '../syntax.js';

/** What can follow an option: words to choose from, a file, a directory, or a text that nobody can guess. */
export type Completed =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' | 'directory' | 'text' };

/** An option that a shell completes. */
export interface CompletedOption {
  readonly flag: string;
  readonly describe: string;
  readonly value?: Completed;
  readonly repeatable: boolean;
}

/** A command that a shell completes. */
export interface CompletedCommand {
  readonly name: CommandName | 'completion';
  readonly describe: string;
  readonly options: readonly CompletedOption[];
  /** What its argument is. Absent: it takes none. */
  readonly argument?: Completed;
}

const EVERYWHERE: readonly CompletedOption[] = [
  { flag: '--help', describe: 'show help', repeatable: false },
  { flag: '--version', describe: 'show the version', repeatable: false },
];

/** The commands with their options. `enroll`, which is also what is meant where none is named, is the first. */
export function completedCommands(): readonly CompletedCommand[] {
  const options = optionSyntax();
  const commands = COMMAND_NAMES.map((name): CompletedCommand => {
    const { describe, file } = COMMANDS[name];
    const own = options.filter(({ commands }) => commands.includes(name));
    return {
      name,
      describe,
      options: [
        ...own.map(({ flag, describe, value, repeatable }) => ({
          flag,
          describe,
          repeatable,
          ...(value === undefined ? {} : { value: completedValue(value) }),
        })),
        ...EVERYWHERE,
      ],
      ...(file === undefined ? {} : { argument: { kind: 'file' } as const }),
    };
  });
  const completion = { name: 'completion', describe: COMPLETION, options: EVERYWHERE } as const;
  return [...commands, { ...completion, argument: { kind: 'words', words: SHELLS } }];
}

function completedValue(value: string): Completed {
  const alternatives = value.split('|');
  if (alternatives.includes('FILE')) return { kind: 'file' };
  if (alternatives.includes('DIR')) return { kind: 'directory' };
  const words = alternatives.filter((word) => /^[a-z][a-z0-9-]*$/.test(word));
  return words.length === 0 ? { kind: 'text' } : { kind: 'words', words };
}

/** Every option once, for what depends on the option alone. */
export function distinctOptions(commands: readonly CompletedCommand[]): readonly CompletedOption[] {
  return [...new Map(commands.flatMap(({ options }) => options).map((option) => [option.flag, option])).values()];
}
