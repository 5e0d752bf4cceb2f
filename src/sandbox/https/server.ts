import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Endpoint } from '../../model/endpoint.js';
import { sourceAddress } from '../addresses.js';
import { HANDSHAKE_MS, peerOf } from '../authd-connection.js';
import type { Running } from '../daemon.js';
import { listenTcp } from '../listen.js';
import type { IssuedCertificate } from '../own-certificate.js';
import { readBody } from '../read-body.js';
import type { CredentialKind } from '../sandbox-events.js';
import { type HttpsAnswer, NO_ROUTE } from './answers.js';
import type { HttpsRequest, HttpsState } from './exchange.js';
import type { Faults } from './faults.js';
import { answerOf, routeOf } from './routes.js';

/** What the HTTPS side of remoted is started with. */
export interface HttpsServerOptions {
  readonly endpoint: Endpoint;
  readonly certificate: IssuedCertificate;
  /** PEM of the CA whose certificates clients must show. */
  readonly clientCa?: string;
  /** Without slashes at its ends; empty: none. */
  readonly prefix: string;
  readonly state: HttpsState;
  readonly faults: Faults;
}

/** The HTTPS side of remoted that runs. */
export interface RunningHttps extends Running {
  /** Shows another certificate from the next connection on. */
  present(certificate: IssuedCertificate): void;
}

const CONNECTION_LIMIT = 256;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 10_000;
const BODY_LIMIT = 16_384;
const NAME = 'wazuh-manager-remoted';

/** Starts it: HTTP/1.1 in TLS 1.3, without ALPN. @throws EnrollError if the port cannot be had */
export async function startHttps(options: HttpsServerOptions): Promise<RunningHttps> {
  const { endpoint, certificate, clientCa, state } = options;
  const shown = ({ certificate, key }: IssuedCertificate) => ({
    cert: certificate,
    key: key.reveal(),
    minVersion: 'TLSv1.3' as const,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
  });
  const open = new Set<Socket>();
  const numbers = new WeakMap<Socket, number>();
  let taken = 0;
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    void serve(incoming, response, numbers.get(incoming.socket) ?? 0, options);
  };
  const server: Server = createServer(
    {
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      handshakeTimeout: HANDSHAKE_MS,
      ...shown(certificate),
      ALPNProtocols: [],
      ...(clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
    },
    listener,
  );
  // "100 Continue" is never sent: whoever waits for it waits on.
  server.on('checkContinue', listener);
  server.maxConnections = CONNECTION_LIMIT;
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    state.emit({ type: 'connection', service: 'remoted', from: peerOf(socket) });
  });
  server.on('secureConnection', (socket) => {
    taken += 1;
    numbers.set(socket, taken);
  });
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    state.emit({ type: 'handshake failed', service: 'remoted', from: peerOf(socket), why: error.message });
    socket.destroy();
  });
  server.on('clientError', (_error: Error, socket: Socket) => socket.destroy());
  const port = await listenTcp(server, endpoint);
  // An accept that fails (no descriptors left) must not end the process.
  server.on('error', () => {});
  return {
    endpoint: { host: endpoint.host, port },
    present: (other) => server.setSecureContext(shown(other)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

async function serve(
  incoming: IncomingMessage,
  response: ServerResponse,
  connection: number,
  { state, faults, prefix }: HttpsServerOptions,
): Promise<void> {
  const from = peerOf(incoming.socket);
  const body = await readBody(incoming, BODY_LIMIT);
  if (body === 'ended') return;
  const { method = '', url = '' } = incoming;
  const [path = ''] = url.split('?');
  let shown: { readonly credential: CredentialKind; readonly reused: boolean } = {
    credential: incoming.headers.authorization === undefined ? 'none' : 'unreadable',
    reused: false,
  };
  const request: HttpsRequest = {
    headers: incoming.headersDistinct,
    ...(body === 'too long' ? {} : { body }),
    source: sourceAddress(from.host),
    shows: (credential, reused) => {
      shown = { credential, reused };
    },
  };
  const route = routeOf(method, path, prefix, state.generation);
  const fault = route === undefined ? undefined : faults.take(route);
  const passedBy = route === undefined || (fault !== undefined && fault.when !== 'after');
  const own = passedBy ? NO_ROUTE : answerOf(route, request, state);
  const answer = fault?.answer ?? own;
  const status = typeof answer === 'object' ? { status: answer.status } : {};
  state.emit({ type: 'https request', from, connection, method, path, ...shown, ...status });
  if (answer === 'lost') incoming.socket.destroy();
  else if (answer !== 'none') write(answer, response, { ends: body === 'too long', now: state.clock() });
}

function write(answer: HttpsAnswer, response: ServerResponse, { ends, now }: { ends: boolean; now: Date }): void {
  const { status, body, headers, bare = false } = answer;
  response.sendDate = false;
  if (bare || ends) response.setHeader('Connection', 'close');
  // Persistence is what HTTP/1.1 has anyway; it is not spoken of.
  else response.removeHeader('Connection');
  const own = bare ? {} : { Server: NAME, Date: now.toUTCString() };
  response
    .writeHead(status, {
      ...own,
      'Content-Type': 'application/json',
      ...headers,
      'Content-Length': Buffer.byteLength(body),
    })
    .end(body);
}
