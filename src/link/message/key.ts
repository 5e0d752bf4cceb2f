import { createHash } from 'node:crypto';
import type { AgentRecord } from '../../model/agent-record.js';
import { Secret } from '../../model/secret.js';

const LENGTH = 47;
// id, name and key sit in buffers of 128 bytes with a NUL at the end (remoted and agentd, OSSEC and Wazuh).
const FIELD_LIMIT = 127;

/** The 47 ASCII bytes that encrypt the messages of one agent. */
export type MessageKey = Secret<Uint8Array>;

/** @throws RangeError unless there are 47 bytes */
export function messageKey(bytes: Uint8Array): MessageKey {
  if (bytes.length !== LENGTH) throw new RangeError(`A message key has ${LENGTH} bytes, not ${bytes.length}.`);
  return new Secret(Uint8Array.from(bytes));
}

/**
 * The message key of a record: the MD5 of the key in hex, then the first 15 digits of the MD5 over the hex MD5s of
 * name and id. The same for every manager of the family (OSSEC 4.3, Wazuh 3.13 to 4.14). AES uses the first 32 bytes
 * only, so name and id count with Blowfish alone.
 */
export function deriveKey({ id, name, key }: AgentRecord): MessageKey {
  const owner = md5Hex(md5Hex(cut(name)) + md5Hex(cut(id)));
  return messageKey(Buffer.from(md5Hex(cut(key.reveal())) + owner.slice(0, 15)));
}

function cut(field: string): Uint8Array {
  return Buffer.from(field).subarray(0, FIELD_LIMIT);
}

function md5Hex(data: string | Uint8Array): string {
  return createHash('md5').update(data).digest('hex');
}
