import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Socket, connect as tcpConnect } from 'node:net';
import { Duplex } from 'node:stream';
import { type SecureVersion, connect as tlsConnect } from 'node:tls';
import type { Endpoint } from '../../src/model/endpoint.js';

/** How a connection to authd ended, as the recordings name it. */
export type End = 'close_notify/EOF' | 'TCP FIN without close_notify' | 'timeout' | 'handshake';

export interface AuthdExchange {
  /** Each TLS record that carried data. */
  readonly records: readonly string[];
  readonly end: End;
  readonly error?: Error;
  readonly ms: number;
}

export interface AuthdCall {
  readonly localAddress?: string;
  readonly min?: SecureVersion;
  readonly max?: SecureVersion;
  readonly cert?: string;
  readonly key?: string;
  /** Give up when nothing came for this long, in ms. */
  readonly patience?: number;
}

const ALERT = 21;

/** Sends the parts, each as a record and a segment of its own, and reads to the end. TLS 1.2 unless told otherwise: there an alert can be seen on the wire. */
export async function askAuthd(
  endpoint: Endpoint,
  parts: readonly string[],
  call: AuthdCall = {},
): Promise<AuthdExchange> {
  const started = performance.now();
  const raw = tcpConnect({
    ...endpoint,
    ...(call.localAddress === undefined ? {} : { localAddress: call.localAddress }),
  });
  raw.setNoDelay(true);
  await once(raw, 'connect');
  const wire: Buffer[] = [];
  const socket = tlsConnect({
    socket: tap(raw, wire),
    rejectUnauthorized: false,
    minVersion: call.min ?? 'TLSv1.2',
    maxVersion: call.max ?? 'TLSv1.2',
    ...(call.min?.startsWith('TLSv1.1') ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
    ...(call.cert === undefined ? {} : { cert: call.cert, key: call.key }),
  });
  const records: string[] = [];
  socket.on('data', (data: Buffer) => records.push(data.toString('latin1')));
  let secured = false;
  return new Promise((resolve) => {
    const finish = (end: End, error?: Error) => {
      clearTimeout(timer);
      raw.destroy();
      socket.destroy();
      resolve({ records, end, ms: performance.now() - started, ...(error === undefined ? {} : { error }) });
    };
    const timer = setTimeout(() => finish('timeout'), call.patience ?? 5_000);
    const ended = () =>
      finish(lastType(Buffer.concat(wire)) === ALERT ? 'close_notify/EOF' : 'TCP FIN without close_notify');
    socket.on('error', (error) => (secured ? ended() : finish('handshake', error)));
    socket.on('end', ended);
    socket.on('secureConnect', () => {
      secured = true;
      void send(socket, parts);
    });
  });
}

async function send(socket: Duplex, parts: readonly string[]): Promise<void> {
  for (const part of parts) {
    await new Promise<void>((resolve) => socket.write(part, 'latin1', () => resolve()));
    // The next part is to arrive on its own.
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Type of the last whole TLS record. */
function lastType(wire: Buffer): number | undefined {
  let type: number | undefined;
  for (let at = 0; at + 5 <= wire.length; at += 5 + wire.readUInt16BE(at + 3)) type = wire[at];
  return type;
}

/** The socket as a stream that keeps a copy of what the peer sent. */
function tap(raw: Socket, wire: Buffer[]): Duplex {
  const stream = new Duplex({
    read: () => {
      raw.resume();
    },
    write: (chunk, _encoding, done) => {
      raw.write(chunk, done);
    },
    final: (done) => {
      raw.end(done);
    },
  });
  raw.on('data', (chunk: Buffer) => {
    wire.push(chunk);
    stream.push(chunk);
  });
  raw.on('end', () => stream.push(null));
  raw.on('error', (error) => stream.destroy(error));
  raw.on('close', () => {
    if (!stream.readableEnded && raw.errored === null) stream.push(null);
  });
  return stream;
}

/** What came back: messages, and whether the connection was closed. */
export type Outcome = { readonly message: Uint8Array } | 'EOF' | 'timeout';

/** One way to remoted that gives one answer at a time. */
export interface AgentSocket {
  send(bytes: Uint8Array): void;
  next(patience?: number): Promise<Outcome>;
  close(): Promise<void>;
}

/** A TCP connection that cuts answers by their length; `send` sends bytes as they are. */
export async function tcpAgent(endpoint: Endpoint, localAddress = '127.0.0.1'): Promise<AgentSocket> {
  const socket = tcpConnect({ ...endpoint, localAddress });
  const inbox = new Inbox();
  let held = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32LE()) {
      const end = 4 + held.readUInt32LE();
      inbox.put({ message: held.subarray(4, end) });
      held = held.subarray(end);
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => inbox.put('EOF'));
  await once(socket, 'connect');
  return {
    send: (bytes) => socket.write(bytes),
    next: (patience) => inbox.take(patience),
    close: async () => {
      if (socket.closed) return;
      const closed = once(socket, 'close');
      socket.end();
      await closed;
    },
  };
}

export async function udpAgent(endpoint: Endpoint, localAddress = '127.0.0.1'): Promise<AgentSocket> {
  const socket = createSocket('udp4');
  const inbox = new Inbox();
  socket.on('message', (message) => inbox.put({ message }));
  socket.bind(0, localAddress);
  await once(socket, 'listening');
  return {
    send: (bytes) => socket.send(bytes, endpoint.port, endpoint.host),
    next: (patience) => inbox.take(patience),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

class Inbox {
  readonly #waiting: Outcome[] = [];
  #wake: (() => void) | undefined;

  put(outcome: Outcome): void {
    this.#waiting.push(outcome);
    this.#wake?.();
  }

  async take(patience = 2_000): Promise<Outcome> {
    if (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    return this.#waiting.shift() ?? 'timeout';
  }
}
