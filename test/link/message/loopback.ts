import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import type { Transport } from '../../../src/link/message/transport.js';
import { directDial } from '../../../src/net/connect.js';

export const dial = directDial(2000);
export const PING = Buffer.from('#ping');

/** A signal that ends a wait which should have been over long before. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(3000);
}

/** With which code the work failed. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (thrown) {
    if (thrown instanceof EnrollError) return thrown.code;
    throw thrown;
  }
}

export function text(message: Uint8Array | undefined): string | undefined {
  return message === undefined ? undefined : Buffer.from(message).toString('latin1');
}

const cleanups: (() => void)[] = [];
/** Ends what the test opened; each test file calls it after each test. */
export function cleanUp(): void {
  for (const cleanup of cleanups.splice(0)) cleanup();
}

/** A transport that is closed after the test. */
export function kept(transport: Transport): Transport {
  cleanups.push(() => transport.close());
  return transport;
}

/** A server on a port of the system's choice, ended after the test. */
export async function tcpServer(onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}

/** The same for datagrams; `reply` answers the sender. */
export async function udpServer(
  onMessage: (message: Buffer, reply: (bytes: Uint8Array) => void, peerPort: number) => void,
  host = '127.0.0.1',
): Promise<number> {
  const server = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let open = true;
  server.on('message', (message, peer) => {
    onMessage(message, (bytes) => server.send(bytes, peer.port, peer.address), peer.port);
  });
  server.on('close', () => {
    open = false;
  });
  cleanups.push(() => {
    if (open) server.close();
  });
  server.bind(0, host);
  await once(server, 'listening');
  return server.address().port;
}

/** A port where nothing listens: it was open a moment ago. */
export async function closedUdpPort(): Promise<number> {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether this host has an IPv6 loopback. */
export async function hasIpv6(): Promise<boolean> {
  const server = createServer();
  const works = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(0, '::1', () => resolve(true));
  });
  server.close();
  return works;
}
