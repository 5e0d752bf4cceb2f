import type { SHELLS } from '../syntax.js';

/** `agent-enroll completion SHELL`: the script, made from the same table as the parser; it does not call the program. */
export async function completionScript(shell: (typeof SHELLS)[number]): Promise<string> {
  const { completedCommands } = await import('../completion/model.js');
  const commands = completedCommands();
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash.js')).bashCompletion(commands);
    case 'zsh':
      return (await import('../completion/zsh.js')).zshCompletion(commands);
    case 'fish':
      return (await import('../completion/fish.js')).fishCompletion(commands);
    case 'powershell':
      return (await import('../completion/powershell.js')).powershellCompletion(commands);
  }
}
