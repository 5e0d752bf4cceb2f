import { once } from 'node:events';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Endpoint } from '../../src/model/endpoint.js';
import { certificates, type Issued } from './certificates.js';

/** A server of a test on loopback. */
export interface TestServer {
  readonly endpoint: Endpoint;
  /** The chunks of application data that arrived, one a TLS record. */
  readonly received: Buffer[];
  /** Resolves when a connection has been closed. */
  readonly closed: Promise<void>;
  /** What TLS reported of connections that failed. */
  readonly faults: string[];
  close(): Promise<void>;
}

/** A TLS server; `onData` is called with each record, `onSecure` with each connection. */
export async function tlsServer(
  behaviour: {
    readonly onData?: (socket: TLSSocket, record: Buffer) => void;
    readonly onSecure?: (socket: TLSSocket) => void;
    readonly onRaw?: (socket: Socket) => void;
  } = {},
  options: TlsOptions & { readonly identity?: Issued } = {},
): Promise<TestServer> {
  const { identity = certificates().server, ...rest } = options;
  const received: Buffer[] = [];
  const faults: string[] = [];
  const server = createServer({ cert: identity.certificate, key: identity.key, ...rest }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (record) => {
      received.push(record);
      behaviour.onData?.(socket, record);
    });
    behaviour.onSecure?.(socket);
  });
  server.on('tlsClientError', (error) => faults.push(error.message));
  if (behaviour.onRaw !== undefined) server.on('connection', behaviour.onRaw);
  return running(server, received, faults);
}

/** A server that does not speak TLS: it gets the raw connection. */
export async function plainServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  return running(server, [], []);
}

async function running(
  server: ReturnType<typeof createTcpServer>,
  received: Buffer[],
  faults: string[],
): Promise<TestServer> {
  const open = new Set<Socket>();
  const closed = new Promise<void>((resolve) => {
    server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        open.delete(socket);
        resolve();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: { host: '127.0.0.1', port: address.port },
    received,
    faults,
    closed,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
