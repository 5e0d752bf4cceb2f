import type { Socket } from 'node:net';
import { abortReason, EnrollError, systemCode } from '../../errors.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import type { Dial } from '../../net/connect.js';
import { MESSAGE_LIMIT } from './codec.js';
import { FrameReader, frame } from './framing.js';
import { Inbox } from './inbox.js';
import { FIRST_BYTES } from './stranger.js';
import type { Transport } from './transport.js';

const LINGER_MS = 1000;

/**
 * Messages over TCP, to remoted of Wazuh 3.x and later.
 * @param signal ends the connecting; an open transport is ended with `close()`
 * @param direct whether no proxy is in between, so that the manager can see this host's own address
 * @param lingerMs how long a closed connection may take to hand over what was sent last, in milliseconds
 * @throws EnrollError as `dial` does, or with the reason of an aborted signal
 */
export async function openTcp(
  endpoint: Endpoint,
  dial: Dial,
  signal: AbortSignal,
  direct = true,
  lingerMs = LINGER_MS,
): Promise<Transport> {
  if (signal.aborted) throw abortReason(signal);
  const socket = await dial(endpoint, signal);
  if (signal.aborted) {
    socket.on('error', () => {});
    socket.destroy();
    throw abortReason(signal);
  }
  const localAddress = direct ? plainAddress(socket.localAddress) : undefined;
  return new TcpTransport(socket, formatEndpoint(endpoint), localAddress, lingerMs);
}

class TcpTransport implements Transport {
  readonly protocol = 'tcp';
  readonly localAddress: string | undefined;
  readonly #socket: Socket;
  readonly #where: string;
  readonly #lingerMs: number;
  readonly #frames = new FrameReader();
  readonly #inbox = new Inbox();
  /** Why nothing can be sent any more. */
  #gone: EnrollError | undefined;
  #first = Buffer.alloc(0);

  constructor(socket: Socket, where: string, localAddress: string | undefined, lingerMs: number) {
    this.#socket = socket;
    this.#where = where;
    this.localAddress = localAddress;
    this.#lingerMs = lingerMs;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.#ended());
    socket.on('error', (error) => this.#broke(error));
  }

  get firstBytes(): Uint8Array {
    return this.#first;
  }

  async send(message: Uint8Array, beforeTheEnd?: () => Promise<unknown>): Promise<void> {
    if (this.#gone !== undefined) throw this.#gone;
    // Waiting for a manager that reads nothing would need a deadline of its own; holding more for it, memory.
    if (this.#socket.writableLength > MESSAGE_LIMIT) {
      throw new EnrollError('CONNECTION_FAILED', `${this.#where} no longer takes messages.`);
    }
    // A failure to write is the connection's end, which the next call tells.
    const framed = frame(message);
    if (beforeTheEnd === undefined) {
      this.#socket.write(framed);
      return;
    }
    this.#socket.write(framed.subarray(0, -1));
    await beforeTheEnd();
    if (this.#gone !== undefined) throw this.#gone;
    this.#socket.write(framed.subarray(-1));
  }

  async receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    const message = await this.#inbox.take(signal);
    if (!this.#inbox.full) this.#socket.resume();
    return message;
  }

  close(): void {
    this.#fail(new EnrollError('CONNECTION_FAILED', `The connection to ${this.#where} was closed by this host.`));
    // Bytes left unread would turn the close into a reset, and a reset can overtake the last message (a shutdown).
    this.#socket.resume();
    this.#socket.end();
    this.#socket.unref();
    setTimeout(() => this.#socket.destroy(), this.#lingerMs).unref();
  }

  #read(chunk: Buffer): void {
    if (this.#gone !== undefined) return;
    this.#first = Buffer.concat([this.#first, chunk.subarray(0, FIRST_BYTES - this.#first.length)]);
    const { messages, tooLong } = this.#frames.push(chunk);
    for (const message of messages) this.#inbox.add(message);
    if (tooLong !== undefined) {
      const sentence = `${this.#where} announced a message of ${tooLong} bytes, which no agent manager sends.`;
      this.#fail(new EnrollError('CONNECTION_FAILED', sentence, { hint: PORT_HINT }));
      this.#socket.destroy();
    } else if (this.#inbox.full) {
      this.#socket.pause();
    }
  }

  #ended(): void {
    if (this.#frames.unfinished) {
      this.#fail(new EnrollError('CONNECTION_FAILED', `${this.#where} closed the connection within a message.`));
    } else {
      this.#gone ??= new EnrollError('CONNECTION_FAILED', `${this.#where} has closed the connection.`);
      this.#inbox.end();
    }
  }

  #broke(error: Error): void {
    const reason = systemCode(error) ?? 'unknown reason';
    const sentence = `The connection to ${this.#where} broke (${reason}).`;
    this.#fail(new EnrollError('CONNECTION_FAILED', sentence, { cause: error }));
  }

  #fail(fault: EnrollError): void {
    this.#gone ??= fault;
    this.#inbox.end(fault);
  }
}

/** IPv4 on a socket for both families is written as an IPv6 address; people write it as what it is. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '');
}

const PORT_HINT = 'Check the agent port (--port): remoted listens on 1514 unless it was told otherwise.';
