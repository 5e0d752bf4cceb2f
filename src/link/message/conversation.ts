import type { AgentRecord } from '../../model/agent-record.js';
import type { Counter } from '../../model/message-counter.js';
import type { Cipher } from './cipher.js';
import { decodeMessage, encodeMessage } from './codec.js';
import { isAcknowledgement, isPong, parseRefusal } from './control.js';
import { deriveKey, type MessageKey } from './key.js';
import type { Transport } from './transport.js';

/** Where the handshake gets its randomness; a test gives its own. */
export interface Randomness {
  /** Five decimal digits, 00000 to 65535, as real agents write them. */
  digits(): string;
  /** 16 bytes. */
  iv(): Uint8Array;
}

/** The source of message counters: each call gives the next one, already safe against a crash. */
export interface CounterSource {
  next(): Promise<Counter>;
}

/** What came back from the manager, as far as the handshake cares. */
export type Reply =
  | { readonly kind: 'acknowledged'; readonly cipher: Cipher }
  | { readonly kind: 'refused'; readonly words: string }
  | { readonly kind: 'pong' }
  /** A message of the manager that is neither, such as a file push. */
  | { readonly kind: 'other' }
  /** Encrypted with this key, and broken all the same: who sends it has the key. */
  | { readonly kind: 'garbled' }
  /** Bytes that this key cannot read: a manager has no other key for this agent. */
  | { readonly kind: 'unreadable'; readonly bytes: Uint8Array }
  | { readonly kind: 'closed' };

/** Talks to remoted as one agent: the record's key, the counters and the randomness bound together. */
export class Conversation {
  readonly #id: string;
  readonly #key: MessageKey;
  readonly #counters: CounterSource;
  readonly #random: Randomness;

  constructor(record: AgentRecord, counters: CounterSource, random: Randomness) {
    this.#id = record.id;
    this.#key = deriveKey(record);
    this.#counters = counters;
    this.#random = random;
  }

  /**
   * Sends a control message. The id is always written: every manager takes it, from fixed addresses too.
   * @param beforeTheEnd over TCP, what the last byte of it waits for
   */
  async send(
    transport: Transport,
    cipher: Cipher,
    payload: string,
    beforeTheEnd?: () => Promise<unknown>,
  ): Promise<void> {
    const counter = await this.#counters.next();
    const common = { id: this.#id, random: this.#random.digits(), counter, payload };
    const message =
      cipher === 'aes-ossec'
        ? encodeMessage({ ...common, cipher, iv: this.#random.iv() }, this.#key)
        : encodeMessage({ ...common, cipher }, this.#key);
    await transport.send(message, beforeTheEnd);
  }

  /** Waits for the next reply. @throws EnrollError when `signal` is aborted or the connection broke */
  async receive(transport: Transport, signal: AbortSignal): Promise<Reply> {
    const bytes = await transport.receive(signal);
    if (bytes === undefined) return { kind: 'closed' };
    if (isPong(bytes)) return { kind: 'pong' };
    const decoded = decodeMessage(bytes, this.#key);
    // What is found out after the decompression: nobody comes so far without the key.
    if (!decoded.ok && ['length', 'md5', 'header'].includes(decoded.fault)) return { kind: 'garbled' };
    if (!decoded.ok) return { kind: 'unreadable', bytes };
    if (isAcknowledgement(decoded.text)) return { kind: 'acknowledged', cipher: decoded.cipher };
    const words = parseRefusal(decoded.text);
    return words === undefined ? { kind: 'other' } : { kind: 'refused', words };
  }
}
