import { type Completed, type CompletedCommand, distinctOptions } from './model.js';

/** The completion script for bash 4 and later. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name);
  const values = distinctOptions(commands).flatMap(({ flag, value }) =>
    value === undefined ? [] : [`    ${flag}) ${reply(value)}; return ;;`],
  );
  const flags = commands.map(({ name, options }) => `      ${name}) ${words(options.map(({ flag }) => flag))} ;;`);
  const args = commands.flatMap(({ name, argument }) =>
    argument === undefined ? [] : [`    ${name}) ${reply(argument)} ;;`],
  );
  return `# bash completion for agent-enroll
_agent_enroll() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${names.join('|')}) command=$word; break ;; esac
  done
  case $previous in
${values.join('\n')}
  esac
  if [[ $current == -* ]]; then
    case \${command:-enroll} in
${flags.join('\n')}
    esac
    return
  fi
  case $command in
    '') ${words(names)} ;;
${args.join('\n')}
  esac
}
complete -F _agent_enroll agent-enroll
`;
}

function reply(value: Completed): string {
  switch (value.kind) {
    case 'words':
      return words(value.words);
    case 'file':
      return 'compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")';
    case 'directory':
      return 'compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current")';
    case 'text':
      return ':';
  }
}

function words(list: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W '${list.join(' ')}' -- "$current")`;
}
