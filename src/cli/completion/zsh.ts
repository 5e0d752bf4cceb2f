import type { Completed, CompletedCommand, CompletedOption } from './model.js';

/** The completion script for zsh: to be sourced, or put into a directory of $fpath as `_agent-enroll`. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name }) => name);
  const described = commands.map(({ name, describe }) => quote(`${name}:${describe.replaceAll(':', '\\:')}`));
  const cases = commands.map(({ name, options, argument }) => {
    const specs = options.map((option) => quote(optionSpec(option)));
    const rest =
      argument === undefined ? [] : [quote(`2:${name === 'completion' ? 'shell' : 'file'}:${action(argument)}`)];
    return `    ${name})\n      arguments=(\n${[...specs, ...rest].map((spec) => `        ${spec}\n`).join('')}      ) ;;`;
  });
  return `#compdef agent-enroll
# zsh completion for agent-enroll
_agent_enroll() {
  local command=enroll word
  local -a arguments known
  for word in \${words[2,CURRENT-1]}; do
    case $word in ${names.join('|')}) command=$word; break ;; esac
  done
  case $command in
${cases.join('\n')}
  esac
  known=(
${described.map((line) => `    ${line}\n`).join('')}  )
  _arguments -S "1:command:{_describe command known}" $arguments
}
if [[ $funcstack[1] == _agent-enroll ]]; then
  _agent_enroll "$@"
else
  compdef _agent_enroll agent-enroll
fi
`;
}

function optionSpec({ flag, describe, value, repeatable }: CompletedOption): string {
  const text = describe.replace(/[[\]\\]/g, '\\$&');
  const star = repeatable ? '*' : '';
  return value === undefined ? `${star}${flag}[${text}]` : `${star}${flag}=[${text}]:value:${action(value)}`;
}

function action(value: Completed): string {
  switch (value.kind) {
    case 'words':
      return `(${value.words.join(' ')})`;
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'text':
      return ' ';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
