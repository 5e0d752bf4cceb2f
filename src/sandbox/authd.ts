import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../model/endpoint.js';
import { AuthdConnection, type AuthdService, HANDSHAKE_MS, peerOf } from './authd-connection.js';
import { HANDSHAKE_FAILURE, offeredVersions, TLS_1_2, TLS_1_3 } from './client-hello.js';
import type { Running } from './daemon.js';
import { listenTcp } from './listen.js';
import type { IssuedCertificate } from './own-certificate.js';

/** What the sandbox's authd is started with. */
export interface AuthdOptions extends AuthdService {
  readonly endpoint: Endpoint;
  readonly certificate: IssuedCertificate;
  readonly tls: TlsVersions;
  /** How many connections it has at a time; it resets what comes beyond. Absent: 256, and the rest is closed. */
  readonly servesAtOnce?: number;
}

/** The TLS versions that a server speaks. */
export interface TlsVersions {
  readonly min: SecureVersion;
  readonly max: SecureVersion;
}

const CONNECTION_LIMIT = 256;

/** Starts authd: TLS on one port, behaviour by family as recorded. @throws EnrollError if the port cannot be had */
export async function startAuthd(options: AuthdOptions): Promise<Running> {
  const { endpoint, emit, clientCa, servesAtOnce } = options;
  const open = new Map<string, AuthdConnection>();
  // Without a certificate, TLS 1.2 ends in an alert and TLS 1.3 in a bare end after the handshake (Wazuh 4.14); the
  // second cannot be had from a server that insists, so each has its own.
  const insisting = tlsServer(options, open, true);
  const lenient = tlsServer(options, open, false);

  const server = createTcpServer({ noDelay: true }, (socket) => {
    if (servesAtOnce !== undefined && open.size >= servesAtOnce) {
      emit({ type: 'connection reset', service: 'authd', from: peerOf(socket) });
      socket.resetAndDestroy();
      return;
    }
    const connection = new AuthdConnection(socket, options);
    const name = nameOf(connection.from);
    open.set(name, connection);
    socket.on('close', () => {
      if (open.get(name) === connection) open.delete(name);
    });
    emit({ type: 'connection', service: 'authd', from: connection.from });
    socket.once('readable', () => {
      const chunk: unknown = socket.read();
      if (!(chunk instanceof Uint8Array)) {
        socket.destroy();
        return;
      }
      const offered = offeredVersions(chunk);
      // A library fixed to TLS 1.2 meets a client of 1.3 alone with this alert (ossec-authd 4.3).
      if (options.tls.max === 'TLSv1.2' && offered.length > 0 && !offered.some((version) => version <= TLS_1_2)) {
        connection.handshakeFailed(new Error('the client offers TLS 1.3 only'));
        socket.end(HANDSHAKE_FAILURE);
        return;
      }
      socket.unshift(chunk);
      const server =
        clientCa === undefined || (options.tls.max === 'TLSv1.3' && offered.includes(TLS_1_3)) ? lenient : insisting;
      server.emit('connection', socket);
    });
  });
  if (servesAtOnce === undefined) server.maxConnections = CONNECTION_LIMIT;
  const port = await listenTcp(server, endpoint);
  // An accept that fails (no descriptors left) must not end the process.
  server.on('error', () => {});
  return {
    endpoint: { host: endpoint.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of open.values()) connection.destroy();
      }),
  };
}

function tlsServer(options: AuthdOptions, open: ReadonlyMap<string, AuthdConnection>, insist: boolean): Server {
  const { certificate, clientCa, tls } = options;
  const find = (socket: TLSSocket) => open.get(nameOf(peerOf(socket)));
  const server = createTlsServer({
    cert: certificate.certificate,
    key: certificate.key.reveal(),
    minVersion: tls.min,
    maxVersion: tls.max,
    handshakeTimeout: HANDSHAKE_MS,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true }),
    rejectUnauthorized: insist,
  });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    find(socket)?.serve(socket);
  });
  server.on('tlsClientError', (error, socket) => {
    find(socket)?.handshakeFailed(error);
  });
  return server;
}

function nameOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}
