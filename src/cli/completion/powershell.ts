import { type CompletedCommand, distinctOptions } from './model.js';

/** The completion script for Windows PowerShell 5.1 and PowerShell 7. Files are completed by PowerShell itself. */
export function powershellCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name, describe }) => `        ${quote(name)} = ${quote(describe)}`);
  const options = commands.map(
    ({ name, options }) => `        ${quote(name)} = ${list(options.map(({ flag }) => flag))}`,
  );
  const described = distinctOptions(commands).map(
    ({ flag, describe }) => `        ${quote(flag)} = ${quote(describe)}`,
  );
  const values = distinctOptions(commands).flatMap(({ flag, value }) =>
    value?.kind === 'words' ? [`        ${quote(flag)} = ${list(value.words)}`] : [],
  );
  const args = commands.flatMap(({ name, argument }) =>
    argument?.kind === 'words' ? [`        ${quote(name)} = ${list(argument.words)}`] : [],
  );
  return `# PowerShell completion for agent-enroll
Register-ArgumentCompleter -Native -CommandName 'agent-enroll', 'agent-enroll.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $commands = [ordered]@{
${names.join('\n')}
    }
    $options = @{
${options.join('\n')}
    }
    $meanings = @{
${described.join('\n')}
    }
    $values = @{
${values.join('\n')}
    }
    $arguments = @{
${args.join('\n')}
    }
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $named = @($words | Select-Object -Skip 1 | Where-Object { $commands.Contains($_) })
    $command = if ($named.Count -gt 0) { $named[0] } else { 'enroll' }
    $previous = if ($words.Count -gt 0) { $words[-1] } else { '' }
    $offered = if ($values.ContainsKey($previous)) { $values[$previous] }
        elseif ($wordToComplete.StartsWith('-')) { $options[$command] }
        elseif ($named.Count -eq 0) { @($commands.Keys) }
        elseif ($arguments.ContainsKey($command)) { $arguments[$command] }
        else { @() }
    foreach ($offer in $offered) {
        if (-not $offer.StartsWith($wordToComplete)) { continue }
        $tip = if ($meanings.ContainsKey($offer)) { $meanings[$offer] } elseif ($commands.Contains($offer)) { $commands[$offer] } else { $offer }
        [System.Management.Automation.CompletionResult]::new($offer, $offer, 'ParameterValue', $tip)
    }
}
`;
}

function list(words: readonly string[]): string {
  return `@(${words.map(quote).join(', ')})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
