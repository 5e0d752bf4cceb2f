import { EnrollError } from '../errors.js';
import type { FileEdge } from '../files/file-edge.js';
import { ROOT_ONLY, readFile } from '../files/read.js';
import { isAroundExportedKey } from '../keystore/exported-key.js';
import { printable } from '../model/printable.js';
import { readText } from '../settings/named-file.js';
import { readStream } from '../settings/standard-input.js';
import { ask, terminalOf } from './ask.js';
import type { CommandContext } from './command-context.js';

/** A manager's client.keys with 100 000 agents is about 12 MB. */
const TEXT_LIMIT = 32 * 1024 * 1024;
/** A key in base64 has some 200 characters. */
const LINE_LIMIT = 4096;
const STANDARD_INPUT = 'standard input';

/** What was given to be imported, and what the user should be told about where it was found. */
export interface KeyText {
  readonly text: string;
  /** The file, or standard input; absent: it was pasted. */
  readonly where?: string;
  readonly warnings: readonly string[];
}

/**
 * Reads the key that is to be imported: from a file, from standard input, or from whoever sits at the terminal.
 *
 * @throws EnrollError `FILE_UNREADABLE`, `IMPORT_INVALID` for more than any list of keys has, `SETTING_INVALID` where the
 * key itself stands in the place of the file's name; the reason of the signal
 */
export async function readKeyText(
  { file, output }: Pick<CommandContext, 'file' | 'output'>,
  disk: FileEdge,
  signal: AbortSignal,
): Promise<KeyText> {
  if (file !== undefined && file !== '-') return await readKeyFile(file, disk);
  const terminal = terminalOf(output.err);
  if (terminal === undefined) {
    const bytes = await readStream(process.stdin, { limit: TEXT_LIMIT + 1, until: 'end', signal });
    if (bytes.length <= TEXT_LIMIT)
      return { text: readText(bytes, STANDARD_INPUT), where: STANDARD_INPUT, warnings: [] };
    throw new EnrollError(
      'IMPORT_INVALID',
      `There are more than ${TEXT_LIMIT / 1024 / 1024} MiB in ${STANDARD_INPUT}.`,
    );
  }
  const prompt = 'Paste the key that manage_agents or the API shows (it is not displayed): ';
  const text = await ask(terminal, { prompt, echo: false, limit: LINE_LIMIT, skip: isAroundExportedKey }, signal);
  return { text, warnings: [] };
}

async function readKeyFile(path: string, disk: FileEdge): Promise<KeyText> {
  if (isKey(path)) throw keyAsArgument();
  const file = await readFile(path, { limit: TEXT_LIMIT, owners: ROOT_ONLY }, disk);
  if (file === undefined) {
    throw new EnrollError('FILE_UNREADABLE', `${printable(path)} cannot be read: there is no such file.`);
  }
  const warning = `${path} holds a key and can be read by every user of this host: remove it when you are done.`;
  const isPublic = disk.uid !== undefined && (file.facts.mode & 0o004) !== 0;
  return { text: readText(file.bytes, path), where: printable(path), warnings: isPublic ? [warning] : [] };
}

/** Whether what was given as a file is the beginning of a key, as it stands or in base64. */
function isKey(argument: string): boolean {
  const forms = [argument, Buffer.from(argument, 'base64').toString('latin1')];
  return forms.some((form) => /^\s*\d{1,10} +\S+ +\S/.test(form));
}

// It is repeated nowhere: not in what is printed, and a log may hold that.
function keyAsArgument(): EnrollError {
  return new EnrollError('SETTING_INVALID', 'import was given a key where it takes the name of a file.', {
    hint: 'Leave the key out, and paste or pipe it into agent-enroll import: every user of this host can read arguments in the process list, so this key is not a secret any more.',
  });
}
