import { EnrollError } from '../../../src/errors.js';
import type { Cipher } from '../../../src/link/message/cipher.js';
import { type DecodedMessage, decodeMessage, encodeMessage } from '../../../src/link/message/codec.js';
import { isPong, PING } from '../../../src/link/message/control.js';
import { deriveKey } from '../../../src/link/message/key.js';
import type { OpenTransport, Protocol, Transport } from '../../../src/link/message/transport.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { type Counter, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';
import type { VirtualClock } from './virtual-clock.js';

const never = new AbortController().signal;

/** What opening a transport comes to. `hangs`: no connection comes about. */
export type Door = 'open' | 'closed' | 'hangs' | 'unresolved';

/** @see MemoryManagerOptions.hasty */
export type Haste = 'idle' | 'first part' | 'none';

export interface MemoryManagerOptions {
  readonly record: AgentRecord;
  readonly clock: VirtualClock;
  readonly tcp?: Door | (() => Door);
  readonly udp?: Door | (() => Door);
  /** The ciphers that it can read. */
  readonly ciphers: readonly Cipher[];
  readonly pong?: boolean | (() => boolean);
  /** The answer to a message that it can read; `undefined` is silence (UDP) or the end (TCP). */
  readonly answer: (message: DecodedMessage, protocol: Protocol) => string | undefined;
  /** What every answer is in place of: bytes that no key can read. */
  readonly garbage?: boolean;
  /** Whether it closes the connection as soon as it has answered. */
  readonly hangsUp?: boolean;
  /** How long a message over TCP is on its way, in milliseconds; with `Infinity` something else listens there. */
  readonly tcpDelayMs?: number | ((connection: number) => number);
  /** When a TCP connection is closed that nobody has said anything on: at once, or with the first part of a message. */
  readonly hasty?: Haste | (() => Haste);
  /** What it says on a TCP connection before anybody else. */
  readonly greeting?: Uint8Array;
}

/** Something that a manager in memory has heard. */
export interface Heard {
  readonly protocol: Protocol;
  readonly cipher: Cipher;
  readonly text: string;
  readonly counter: Counter;
  /** When, by the clock of the test. */
  readonly atMs: number;
}

/** A remoted in memory: the other side of the transport, without sockets. */
export class MemoryManager {
  /** Every message that it could read, in order. */
  readonly heard: Heard[] = [];
  /** How many messages it was sent, those included that it could not read, without `#ping`. */
  messages = 0;
  pings = 0;
  /** The most TCP connections that were open side by side. */
  mostOpen = 0;
  #open = 0;
  #openTcp = 0;
  #connections = 0;
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
    const state = now(this.#options[protocol] ?? 'open');
    if (state === 'hangs') await aborted(signal);
    if (state === 'unresolved') throw new EnrollError('HOST_UNRESOLVED', 'The name manager could not be resolved.');
    if (state === 'closed' && protocol === 'tcp') throw new EnrollError('CONNECTION_REFUSED', 'refused');
    this.#open += 1;
    if (protocol === 'tcp') {
      this.#openTcp += 1;
      this.#connections += 1;
    }
    this.mostOpen = Math.max(this.mostOpen, this.#openTcp);
    return this.#transport(protocol);
  };

  #transport(protocol: Protocol): Transport {
    const { greeting, hangsUp, tcpDelayMs = 0 } = this.#options;
    const hasty = now(this.#options.hasty ?? 'none');
    const tcp = protocol === 'tcp';
    const unreachable = () => !tcp && now(this.#options.udp ?? 'open') === 'closed';
    const inbox: Uint8Array[] = [];
    const connection = this.#connections;
    let firstBytes: Uint8Array = new Uint8Array();
    let waiting: (() => void)[] = [];
    const wake = () => {
      for (const resolve of waiting.splice(0)) resolve();
    };
    let ended = tcp && hasty === 'idle';
    let closed = false;
    const arrive = (bytes: Uint8Array) => {
      if (firstBytes.length === 0) firstBytes = bytes;
      inbox.push(bytes);
      wake();
    };
    if (tcp && greeting !== undefined) arrive(greeting);
    const gone = () => new EnrollError('CONNECTION_FAILED', 'closed');
    return {
      protocol,
      localAddress: '192.0.2.7',
      get firstBytes() {
        return firstBytes;
      },
      send: async (message, beforeTheEnd) => {
        if (unreachable()) {
          wake();
          return;
        }
        if (ended || closed) throw gone();
        if (tcp && hasty === 'first part') {
          ended = true;
          wake();
        }
        await beforeTheEnd?.();
        if (ended || closed) throw gone();
        const hear = () => {
          const answer = this.#hear(message, protocol);
          if (answer === 'end') ended = tcp;
          else if (answer !== undefined) arrive(answer);
          if (hangsUp === true && answer instanceof Uint8Array) ended = true;
          wake();
        };
        const delayMs = tcp ? (typeof tcpDelayMs === 'number' ? tcpDelayMs : tcpDelayMs(connection)) : 0;
        if (delayMs === 0) hear();
        else if (delayMs < Number.POSITIVE_INFINITY) void this.#options.clock.pause(delayMs, never).then(hear);
      },
      receive: async (signal) => {
        for (;;) {
          const next = inbox.shift();
          if (next !== undefined) return next;
          if (unreachable()) throw new EnrollError('CONNECTION_REFUSED', 'port unreachable');
          if (ended) return undefined;
          if (closed) throw gone();
          await Promise.race([
            aborted(signal),
            new Promise<void>((resolve) => {
              waiting.push(resolve);
            }),
          ]);
        }
      },
      close: () => {
        if (!closed) this.#open -= 1;
        if (!closed && tcp) this.#openTcp -= 1;
        closed = true;
        wake();
        waiting = [];
      },
    };
  }

  #hear(bytes: Uint8Array, protocol: Protocol): Uint8Array | 'end' | undefined {
    const { record, ciphers, pong, answer, garbage } = this.#options;
    if (Buffer.from(PING).equals(bytes)) {
      this.pings += 1;
      const reply = Buffer.from('#pong');
      if (!isPong(reply)) throw new Error('the test and the program disagree on #pong');
      return now(pong ?? false) ? reply : 'end';
    }
    this.messages += 1;
    const message = decodeMessage(bytes, deriveKey(record), ciphers);
    if (!message.ok) return 'end';
    const { cipher, text, counter } = message;
    this.heard.push({ protocol, cipher, text, counter, atMs: this.#options.clock.now() });
    if (garbage === true) return Buffer.from('no key reads this \0', 'latin1');
    const reply = answer(message, protocol);
    if (reply === undefined) return text.includes('shutdown') ? undefined : 'end';
    this.#sent = nextCounter(this.#sent);
    const parts = { random: '12345', counter: this.#sent, payload: reply };
    return message.cipher === 'aes-ossec'
      ? encodeMessage({ ...parts, cipher: 'aes-ossec', iv: message.iv }, deriveKey(record))
      : encodeMessage({ ...parts, cipher: message.cipher }, deriveKey(record));
  }
}

function now<T extends string | boolean>(value: T | (() => T)): T {
  return typeof value === 'function' ? value() : value;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
