import { EnrollError } from '../../../src/errors.js';
import type { Cipher } from '../../../src/link/message/cipher.js';
import { decodeMessage, encodeMessage } from '../../../src/link/message/codec.js';
import type { CounterSource } from '../../../src/link/message/conversation.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { Inbox } from '../../../src/link/message/inbox.js';
import { deriveKey, type MessageKey } from '../../../src/link/message/key.js';
import { Race } from '../../../src/link/message/race.js';
import type { OpenTransport, Protocol, Transport } from '../../../src/link/message/transport.js';
import { type Counter, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';
import { RECORD } from './handshake-run.js';
import { VirtualClock } from './virtual-clock.js';

export const KEY: MessageKey = deriveKey(RECORD);
export const IV: Uint8Array = new Uint8Array(16).fill(7);
export const never: AbortSignal = new AbortController().signal;

/** A message of the manager. */
export function said(payload: string | Uint8Array, cipher: Cipher = 'aes-wazuh'): Uint8Array {
  const parts = { random: '12345', counter: { global: 0, local: 1 }, payload };
  return encodeMessage(cipher === 'aes-ossec' ? { ...parts, cipher, iv: IV } : { ...parts, cipher }, KEY);
}

/** A fault of the network. */
export function fault(code: EnrollError['code'] = 'CONNECTION_FAILED', message = 'The test broke it.'): EnrollError {
  return new EnrollError(code, message);
}

/** A transport whose other end the test holds. */
export class Wire implements Transport {
  readonly protocol: Protocol;
  readonly localAddress?: string;
  firstBytes: Uint8Array = new Uint8Array();
  /** What was sent, as it went out. */
  readonly sent: Uint8Array[] = [];
  closed = false;
  /** What the manager does with a message, before the sender knows that it is sent. */
  onMessage: (text: string) => unknown = () => {};
  readonly #inbox = new Inbox();

  constructor(protocol: Protocol, localAddress?: string) {
    this.protocol = protocol;
    if (localAddress !== undefined) this.localAddress = localAddress;
  }

  /** What was sent, in words: the cipher and the text, or the bytes where they are none of a message. */
  get heard(): readonly string[] {
    return this.sent.map(inWords);
  }

  async send(message: Uint8Array, beforeTheEnd?: () => Promise<unknown>): Promise<void> {
    await beforeTheEnd?.();
    if (this.closed) throw fault('CONNECTION_FAILED', 'The connection is closed.');
    this.sent.push(message);
    await this.onMessage(inWords(message));
  }

  receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#inbox.take(signal);
  }

  close(): void {
    this.closed = true;
    this.#inbox.end(fault('CONNECTION_FAILED', 'The connection is closed.'));
  }

  /** The manager says a message. */
  say(payload: string, cipher?: Cipher): void {
    this.bring(said(payload, cipher));
  }

  /** These bytes come in as a message. */
  bring(bytes: Uint8Array): void {
    if (this.firstBytes.length === 0) this.firstBytes = bytes;
    this.#inbox.add(bytes);
  }

  hangUp(): void {
    this.#inbox.end();
  }

  /** The connection breaks; over UDP: a notice comes that the port is closed. */
  break(with_: EnrollError): void {
    if (this.protocol === 'tcp') this.#inbox.end(with_);
    else this.#inbox.add(with_);
  }
}

function inWords(message: Uint8Array): string {
  const decoded = decodeMessage(message, KEY);
  return decoded.ok ? `${decoded.cipher}: ${decoded.text}` : Buffer.from(message).toString('latin1');
}

/** What opening a transport comes to, for the how manieth of this protocol (from 0). */
export type Doorman = (protocol: Protocol, count: number, signal: AbortSignal) => Wire | EnrollError | Promise<Wire>;

const doors: Doorman = (protocol) => new Wire(protocol, '192.0.2.7');

/** A race by a clock of its own, over transports that the test holds. */
export function scene(asked: Partial<HandshakeRequest> = {}, { door = doors, counters = counting() } = {}) {
  const clock = new VirtualClock();
  const wires: Wire[] = [];
  /** When a transport was asked for. */
  const opened: { readonly protocol: Protocol; readonly atMs: number }[] = [];
  const attempts: { readonly number: number; readonly protocol: Protocol }[] = [];
  const open: OpenTransport = async (protocol, signal) => {
    const count = opened.filter((one) => one.protocol === protocol).length;
    opened.push({ protocol, atMs: clock.now() });
    const wire = await door(protocol, count, signal);
    if (wire instanceof EnrollError) throw wire;
    wires.push(wire);
    return wire;
  };
  const request: HandshakeRequest = {
    record: RECORD,
    endpoint: { host: '192.0.2.1', port: 1514 },
    protocol: 'auto',
    cipher: 'auto',
    waitMs: 60_000,
    timeoutMs: 10_000,
    ...asked,
  };
  const race = new Race(request, {
    open,
    counters,
    random: { digits: () => '00042', iv: () => IV },
    now: clock.now,
    pause: clock.pause,
    onAttempt: (attempt) => attempts.push(attempt),
  });
  /** Waits so many milliseconds. */
  const wait = (ms: number) => clock.pause(ms, never);
  return { clock, race, wires, opened, attempts, wait, run: <T>(work: () => Promise<T>) => clock.run(work()) };
}

function counting(): CounterSource {
  let last: Counter = NOTHING_SENT;
  return {
    next: async () => {
      last = nextCounter(last);
      return last;
    },
  };
}

/** A doorman behind whose door nobody answers until the caller gives up. */
export function hangs(signal: AbortSignal): Promise<Wire> {
  return new Promise((_, reject) => {
    const give = () => reject(fault('CONNECTION_TIMED_OUT', 'No connection.'));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
}
