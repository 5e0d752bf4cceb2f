import { EnrollError } from '../errors.js';
import { unreadable } from '../files/file-error.js';
import { type Files, nodeFiles, readSmall } from '../files/files.js';
import { existing } from '../files/replace.js';
import { type AgentRecord, faultInWords, firstRecord } from '../model/agent-record.js';
import { printable } from '../model/printable.js';

export { faultInWords } from '../model/agent-record.js';

/** An agent's client.keys is one line of at most 400 bytes; some comments and old entries may stand around it. */
export const KEYS_LIMIT = 64 * 1024;

/**
 * The record that an agent which starts now would use. `undefined`: no file, or no entry in it.
 *
 * @throws EnrollError FILE_UNREADABLE; KEYS_INVALID with the fault in words and nothing of the file's text
 */
export async function readInstalled(keysFile: string, files: Files = nodeFiles): Promise<AgentRecord | undefined> {
  let text: string | undefined;
  try {
    const facts = await existing(files.stat(keysFile));
    if (facts === undefined) return undefined;
    // A pipe would let the reader wait for ever.
    if (facts.kind === 'other') throw new Error('it is not a regular file');
    text = await readSmall(keysFile, KEYS_LIMIT, files);
  } catch (error) {
    throw unreadable(keysFile, error);
  }
  if (text === undefined) {
    throw new EnrollError('KEYS_INVALID', `${printable(keysFile)} is larger than the key file of an agent can be.`);
  }
  const first = firstRecord(text);
  if (first === undefined) return undefined;
  if (first.ok) return first.record;
  const message = `The first entry of ${printable(keysFile)} is not valid: ${faultInWords(first.fault)}.`;
  throw new EnrollError('KEYS_INVALID', message);
}
