import { EnrollError, type ExitCode } from '../../errors.js';
import { importKey } from '../../journey/import.js';
import { isAroundExportedKey } from '../../keystore/exported-key.js';
import type { AgentRecord } from '../../model/agent-record.js';
import { printable } from '../../model/printable.js';
import { unlessAborted } from '../../net/deadline.js';
import { unreadable } from '../../settings/password.js';
import { nodeSettingsEdge } from '../../settings/settings-edge.js';
import { ask, terminalOf } from '../ask.js';
import type { CommandContext } from '../command-context.js';
import { runJourney } from '../run.js';

/** A manager's client.keys with 100 000 agents is about 12 MB. */
const TEXT_LIMIT = 32 * 1024 * 1024;
/** A key in base64 has some 200 characters. */
const LINE_LIMIT = 4096;

/** `agent-enroll import [FILE|-]`: installs a key that was exported by hand, and proves the link. */
export async function importCommand(context: CommandContext): Promise<ExitCode> {
  const { flags } = context;
  return await runJourney('import', context, async (journey) => {
    const { text, warnings } = await readKeyText(context, journey.signal);
    for (const warning of warnings) journey.observe({ kind: 'warning', text: warning });
    const [id, name] = [flags.get('id'), flags.get('name')];
    return await importKey(journey, text, {
      ...(typeof id === 'string' ? { id } : {}),
      ...(typeof name === 'string' ? { name } : {}),
      mayReplace: (present, imported) => mayReplace(context, present, imported, journey.signal),
    });
  });
}

interface KeyText {
  readonly text: string;
  readonly warnings: readonly string[];
}

async function readKeyText({ file, output }: CommandContext, signal: AbortSignal): Promise<KeyText> {
  if (file !== undefined && file !== '-') return await readFile(file);
  const terminal = terminalOf(output.err);
  if (terminal === undefined) {
    return {
      text: withinLimit(
        await unlessAborted(nodeSettingsEdge.readStandardInput(TEXT_LIMIT + 1), signal),
        'standard input',
      ),
      warnings: [],
    };
  }
  const prompt = 'Paste the key that manage_agents or the API shows (it is not displayed): ';
  const text = await ask(terminal, { prompt, echo: false, limit: LINE_LIMIT, skip: isAroundExportedKey }, signal);
  return { text, warnings: [] };
}

async function readFile(path: string): Promise<KeyText> {
  const origin = { kind: 'file', path } as const;
  try {
    const text = withinLimit(await nodeSettingsEdge.readText(path, TEXT_LIMIT + 1), printable(path));
    const warning = `${path} holds a key and can be read by every user of this host: remove it when you are done.`;
    return { text, warnings: (await nodeSettingsEdge.isPublic(path)) ? [warning] : [] };
  } catch (thrown) {
    throw thrown instanceof EnrollError ? thrown : unreadable(path, origin, thrown);
  }
}

function withinLimit(text: string, where: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  throw new EnrollError('IMPORT_INVALID', `There are more than ${TEXT_LIMIT / 1024 / 1024} MiB in ${where}.`);
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
  return `agent ${id} ${name}, address ${ip}`;
}
