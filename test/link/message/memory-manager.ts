import { EnrollError } from '../../../src/errors.js';
import type { Cipher } from '../../../src/link/message/cipher.js';
import { type DecodedMessage, decodeMessage, encodeMessage } from '../../../src/link/message/codec.js';
import { isPong, PING } from '../../../src/link/message/control.js';
import { deriveKey } from '../../../src/link/message/key.js';
import type { OpenTransport, Protocol, Transport } from '../../../src/link/message/transport.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { type Counter, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';

/** What the manager in memory does with a message: an answer, silence, or the end of the connection. */
export type Answer = string | 'silence' | 'close';

export interface MemoryManagerOptions {
  readonly record: AgentRecord;
  /** `closed`: refuses; `hangs`: never connects. */
  readonly tcp?: 'open' | 'closed' | 'hangs';
  readonly udp?: 'open' | 'closed';
  /** The ciphers that it can read. */
  readonly ciphers: readonly Cipher[];
  readonly pong?: boolean;
  /** The answer to a message that it can read; `undefined` is silence (UDP) or the end (TCP). */
  readonly answer: (message: DecodedMessage, protocol: Protocol) => string | undefined;
  /** What every answer is in place of: bytes that no key can read. */
  readonly garbage?: boolean;
  /** Whether it closes the connection as soon as it has answered. */
  readonly hangsUp?: boolean;
  /** How long a message over TCP is on its way, in milliseconds; with `Infinity` something else listens there. */
  readonly tcpDelayMs?: number;
}

/** A remoted in memory: the other side of the transport, without sockets. */
export class MemoryManager {
  /** Every message that it could read, in order. */
  readonly heard: {
    readonly protocol: Protocol;
    readonly cipher: Cipher;
    readonly text: string;
    readonly counter: Counter;
  }[] = [];
  #open = 0;
  #sent: Counter = NOTHING_SENT;
  readonly #options: MemoryManagerOptions;

  constructor(options: MemoryManagerOptions) {
    this.#options = options;
  }

  /** Transports that were opened and not closed again. */
  get openTransports(): number {
    return this.#open;
  }

  readonly open: OpenTransport = async (protocol, signal) => {
    const state = protocol === 'tcp' ? (this.#options.tcp ?? 'open') : (this.#options.udp ?? 'open');
    if (state === 'hangs') await aborted(signal);
    if (state === 'closed' && protocol === 'tcp') throw new EnrollError('CONNECTION_REFUSED', 'refused');
    this.#open += 1;
    return this.#transport(protocol, state === 'closed');
  };

  #transport(protocol: Protocol, unreachable: boolean): Transport {
    const inbox: Uint8Array[] = [];
    let wake = () => {};
    let ended = false;
    let closed = false;
    const arrive = (bytes: Uint8Array) => {
      inbox.push(bytes);
      wake();
    };
    return {
      protocol,
      send: async (message) => {
        if (unreachable) return;
        if (ended) throw new EnrollError('CONNECTION_FAILED', 'closed');
        const hear = () => {
          const answer = this.#hear(message, protocol);
          if (answer === 'end') ended = protocol === 'tcp';
          else if (answer !== undefined) arrive(answer);
          if (this.#options.hangsUp === true && answer instanceof Uint8Array) ended = true;
          wake();
        };
        const delayMs = protocol === 'tcp' ? (this.#options.tcpDelayMs ?? 0) : 0;
        if (delayMs === 0) hear();
        else if (delayMs < Number.POSITIVE_INFINITY) setTimeout(hear, delayMs);
      },
      receive: async (signal) => {
        for (;;) {
          const next = inbox.shift();
          if (next !== undefined) return next;
          if (unreachable) throw new EnrollError('CONNECTION_REFUSED', 'port unreachable');
          if (ended) return undefined;
          await Promise.race([
            aborted(signal),
            new Promise<void>((resolve) => {
              wake = resolve;
            }),
          ]);
        }
      },
      close: () => {
        if (!closed) this.#open -= 1;
        closed = true;
      },
    };
  }

  #hear(bytes: Uint8Array, protocol: Protocol): Uint8Array | 'end' | undefined {
    const { record, ciphers, pong, answer, garbage } = this.#options;
    if (Buffer.from(PING).equals(bytes)) {
      const reply = Buffer.from('#pong');
      if (!isPong(reply)) throw new Error('the test and the program disagree on #pong');
      return pong === true ? reply : 'end';
    }
    const message = decodeMessage(bytes, deriveKey(record), ciphers);
    if (!message.ok) return 'end';
    const { cipher, text, counter } = message;
    this.heard.push({ protocol, cipher, text, counter });
    if (garbage === true) return Buffer.from('nothing that a key can read');
    const reply = answer(message, protocol);
    if (reply === undefined) return text.includes('shutdown') ? undefined : 'end';
    this.#sent = nextCounter(this.#sent);
    const parts = { random: '12345', counter: this.#sent, payload: reply };
    return message.cipher === 'aes-ossec'
      ? encodeMessage({ ...parts, cipher: 'aes-ossec', iv: message.iv }, deriveKey(record))
      : encodeMessage({ ...parts, cipher: message.cipher }, deriveKey(record));
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
