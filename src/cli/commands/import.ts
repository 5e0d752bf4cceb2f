import { EnrollError, type ExitCode } from '../../errors.js';
import { importKey } from '../../journey/import.js';
import type { AgentRecord } from '../../model/agent-record.js';
import { onOneLine } from '../../model/printable.js';
import { ask, terminalOf } from '../ask.js';
import type { CommandContext } from '../command-context.js';
import { readKeyText } from '../key-text.js';
import { runJourney } from '../run.js';

/** `agent-enroll import [FILE|-]`: installs a key that was exported by hand, and proves the link. */
export async function importCommand(context: CommandContext): Promise<ExitCode> {
  const { flags } = context;
  return await runJourney('import', context, async (journey) => {
    const { text, where, warnings } = await readKeyText(context, journey.edge.disk, journey.signal);
    for (const warning of warnings) journey.observe({ kind: 'warning', text: warning });
    const [id, name] = [flags.get('id'), flags.get('name')];
    return await importKey(journey, text, {
      ...(typeof id === 'string' ? { id } : {}),
      ...(typeof name === 'string' ? { name } : {}),
      mayReplace: (present, imported) => mayReplace(context, present, imported, journey.signal),
    }).catch((thrown: unknown) => {
      throw ofFile(where, thrown);
    });
  });
}

/** What is wrong with the text that was given, with the file that it was in. */
function ofFile(where: string | undefined, thrown: unknown): unknown {
  if (where === undefined || !(thrown instanceof EnrollError) || thrown.code !== 'IMPORT_INVALID') return thrown;
  const { code, message, hint } = thrown;
  return new EnrollError(code, `${where}: ${message}`, { hint, cause: thrown });
}

/** `--yes`, or whoever sits at the terminal. A script without `--yes` has not agreed. */
async function mayReplace(
  { flags, output }: CommandContext,
  present: AgentRecord | undefined,
  imported: AgentRecord,
  signal: AbortSignal,
): Promise<boolean> {
  if (flags.get('yes') === true) return true;
  const terminal = output.json || !output.interactive ? undefined : terminalOf(output.err);
  if (terminal === undefined) return false;
  const there = present === undefined ? 'an entry that is not valid' : inWords(present);
  const prompt = `The key that is there: ${there}\nThe key to import:     ${inWords(imported)}\nReplace it? [y/N] `;
  return /^y(es)?$/i.test((await ask(terminal, { prompt, echo: true, limit: 80 }, signal)).trim());
}

function inWords({ id, name, ip }: AgentRecord): string {
  return onOneLine(`agent ${id} ${name}, address ${ip}`);
}
