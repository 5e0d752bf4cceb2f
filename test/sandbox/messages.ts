import type { Cipher } from '../../src/link/message/cipher.js';
import { encodeMessage } from '../../src/link/message/codec.js';
import { frame } from '../../src/link/message/framing.js';
import { deriveKey } from '../../src/link/message/key.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { Counter } from '../../src/model/message-counter.js';

/** How a message differs from a first startup in Blowfish. */
export interface Sent {
  readonly payload?: string;
  readonly cipher?: Exclude<Cipher, 'aes-ossec'>;
  readonly counter?: Counter;
}

/** A message of this agent, with its id in front, as it goes over UDP: unless told otherwise its first startup. */
export function greeting(record: AgentRecord, sent: Sent = {}): Uint8Array {
  const { payload = '#!-agent startup ', cipher = 'blowfish', counter = { global: 0, local: 1 } } = sent;
  return encodeMessage({ cipher, id: record.id, random: '12345', counter, payload }, deriveKey(record));
}

/** The same as it goes over TCP. */
export function framedGreeting(record: AgentRecord, sent: Sent = {}): Uint8Array {
  return frame(greeting(record, sent));
}
