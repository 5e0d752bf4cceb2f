import { type Completed, type CompletedCommand, distinctOptions } from './model.js';

/** The completion script for fish 3 and later. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name);
  const lines = commands.flatMap(({ name, describe, argument }) => [
    line([`-n ${quote(`not __fish_seen_subcommand_from ${names.join(' ')}`)}`, `-a ${name}`, `-d ${quote(describe)}`]),
    ...(argument === undefined ? [] : [line([`-n ${quote(`__fish_seen_subcommand_from ${name}`)}`, action(argument)])]),
  ]);
  const options = distinctOptions(commands).map(({ flag, describe, value }) => {
    const takers = commands.filter(({ options }) => options.some((option) => option.flag === flag));
    return line([
      ...condition(
        takers.map(({ name }) => name),
        names,
      ),
      `-l ${flag.slice(2)}`,
      ...(value === undefined ? [] : [`-r ${action(value)}`]),
      `-d ${quote(describe)}`,
    ]);
  });
  return `# fish completion for agent-enroll\ncomplete -c agent-enroll -f\n${[...lines, ...options].join('\n')}\n`;
}

/** Where no command is named, `enroll` is meant: its options are there unless a command without them was seen. */
function condition(takers: readonly string[], names: readonly string[]): readonly string[] {
  const others = names.filter((name) => !takers.includes(name));
  if (others.length === 0) return [];
  return takers.includes('enroll')
    ? [`-n ${quote(`not __fish_seen_subcommand_from ${others.join(' ')}`)}`]
    : [`-n ${quote(`__fish_seen_subcommand_from ${takers.join(' ')}`)}`];
}

function line(parts: readonly string[]): string {
  return ['complete -c agent-enroll', ...parts.filter((part) => part !== '')].join(' ');
}

function action(value: Completed): string {
  switch (value.kind) {
    case 'words':
      return `-f -a ${quote(value.words.join(' '))}`;
    case 'file':
      return '-F';
    case 'directory':
      return `-f -a ${quote('(__fish_complete_directories)')}`;
    case 'text':
      return '-f';
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
