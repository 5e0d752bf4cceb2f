import { EnrollError } from '../errors.js';
import { unreadable } from '../files/file-error.js';
import { type Files, nodeFiles, readSmall } from '../files/files.js';
import { existing } from '../files/replace.js';
import { type AgentRecord, firstRecord, type RecordFault } from '../model/agent-record.js';
import { printable } from '../model/printable.js';

/** An agent's client.keys is one line of at most 400 bytes; some comments and old entries may stand around it. */
export const KEYS_LIMIT = 64 * 1024;

const FAULTS: Readonly<Record<RecordFault, string>> = {
  characters: 'it has characters other than printable ASCII',
  fields: 'it does not have the four fields "id name ip key", with single spaces between them',
  id: 'its id is not a number from 1 to ten digits',
  name: 'its name is not 2 to 128 of letters, digits, ".", "_" and "-"',
  removed: 'it is that of a removed agent',
  ip: 'its address is neither "any" nor an address or range, and the agent would not start with it',
  key: 'its key is not 64 or more letters and digits',
};

/** The user's words for what is wrong with an entry, without any of its text. */
export function faultInWords(fault: RecordFault): string {
  return FAULTS[fault];
}

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
