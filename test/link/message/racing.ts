import { EnrollError } from '../../../src/errors.js';
import type { Cipher } from '../../../src/link/message/cipher.js';
import { decodeMessage, encodeMessage } from '../../../src/link/message/codec.js';
import { PING } from '../../../src/link/message/control.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { Inbox } from '../../../src/link/message/inbox.js';
import { deriveKey } from '../../../src/link/message/key.js';
import { Race } from '../../../src/link/message/race.js';
import type { Protocol, Transport } from '../../../src/link/message/transport.js';
import { type Counter, NOTHING_SENT, nextCounter } from '../../../src/model/message-counter.js';
import { RECORD } from './handshake-run.js';
import { VirtualClock } from './virtual-clock.js';

const never = new AbortController().signal;

/** What the test is to its end of each line. */
export interface OtherEnd {
  /** The line is made; what it throws, the opening fails with. */
  readonly onOpen?: (line: Line, signal: AbortSignal) => Promise<void> | void;
  /** All but the last byte of a message has arrived. */
  readonly onPart?: (line: Line) => void;
  /** A message has arrived whole: `#ping`, or the text of one of this key. */
  readonly onMessage?: (text: string, line: Line) => void;
}

/** A connection, or a socket for datagrams, of which the test is the other end. */
export class Line implements Transport {
  readonly protocol: Protocol;
  readonly localAddress = '192.0.2.7';
  firstBytes: Uint8Array = new Uint8Array();
  /** What was sent on it: `startup aes-wazuh 130`, with the milliseconds by the clock of the test. */
  readonly sent: string[] = [];
  closed = false;
  /** What sending fails with. */
  broken: EnrollError | undefined;
  readonly #inbox = new Inbox();
  readonly #clock: VirtualClock;
  readonly #other: OtherEnd;
  #counter: Counter = NOTHING_SENT;

  constructor(protocol: Protocol, clock: VirtualClock, other: OtherEnd = {}) {
    this.protocol = protocol;
    this.#clock = clock;
    this.#other = other;
  }

  async send(message: Uint8Array, beforeTheEnd?: () => Promise<unknown>): Promise<void> {
    if (this.broken !== undefined) throw this.broken;
    this.#other.onPart?.(this);
    await beforeTheEnd?.();
    if (this.broken !== undefined) throw this.broken;
    if (Buffer.from(PING).equals(message)) return this.#hear('#ping', '#ping');
    const decoded = decodeMessage(message, deriveKey(RECORD));
    if (!decoded.ok) throw new Error(`The test cannot read it: ${decoded.fault}`);
    const word = /^#!-agent (\w+)/.exec(decoded.text)?.[1] ?? decoded.text;
    this.#hear(`${word} ${decoded.cipher}`, decoded.text);
  }

  #hear(word: string, text: string): void {
    this.sent.push(`${word} ${this.#clock.now()}`);
    this.#other.onMessage?.(text, this);
  }

  receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#inbox.take(signal);
  }

  close(): void {
    this.closed = true;
    this.#inbox.end(new EnrollError('CONNECTION_FAILED', 'closed by this host'));
  }

  /** Bytes come from the other end. */
  bytes(bytes: Uint8Array): void {
    if (this.firstBytes.length === 0) this.firstBytes = bytes;
    this.#inbox.add(bytes);
  }

  pong(): void {
    this.bytes(Buffer.from('#pong'));
  }

  /** A message of the manager, with the key. */
  says(payload: string, cipher: Exclude<Cipher, 'aes-ossec'> = 'aes-wazuh'): void {
    this.#counter = nextCounter(this.#counter);
    this.bytes(encodeMessage({ random: '12345', counter: this.#counter, payload, cipher }, deriveKey(RECORD)));
  }

  /** Nothing comes any more: a close, or what is given. */
  end(fault?: EnrollError): void {
    this.#inbox.end(fault);
  }

  /** A fault after which more may come, as the notice of a closed port. */
  fault(fault: EnrollError): void {
    this.#inbox.add(fault);
  }

  /** Does something after so many milliseconds of the test's clock. */
  after(ms: number, what: () => void): void {
    void this.#clock.pause(ms, never).then(what);
  }
}

/** What one handshake shares, by a clock of its own, and the lines that were opened in it. */
export function racing(asked: Partial<HandshakeRequest> = {}, other: OtherEnd = {}) {
  const clock = new VirtualClock();
  const lines: Line[] = [];
  let last: Counter = NOTHING_SENT;
  const race = new Race(
    {
      record: RECORD,
      endpoint: { host: '192.0.2.1', port: 1514 },
      protocol: 'auto',
      cipher: 'auto',
      waitMs: 60_000,
      timeoutMs: 10_000,
      ...asked,
    },
    {
      open: async (protocol, signal) => {
        const line = new Line(protocol, clock, other);
        await other.onOpen?.(line, signal);
        lines.push(line);
        return line;
      },
      counters: {
        next: async () => {
          last = nextCounter(last);
          return last;
        },
      },
      random: { digits: () => '00042', iv: () => new Uint8Array(16) },
      now: clock.now,
      pause: clock.pause,
    },
  );
  const sent = () => lines.flatMap((line) => line.sent.map((message) => `${line.protocol} ${message}`));
  return { clock, race, lines, sent };
}

export type Racing = ReturnType<typeof racing>;

/** Ends the race after so many milliseconds, as the end of the wait does. */
export function stopAfter({ clock, race }: Pick<Racing, 'clock' | 'race'>, ms: number): void {
  void clock.pause(ms, never).then(() => race.stop(new EnrollError('INTERRUPTED', 'Interrupted.')));
}
