import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Endpoint } from '../../model/endpoint.js';
import { sourceAddress } from '../addresses.js';
import { HANDSHAKE_MS, peerOf } from '../authd-connection.js';
import type { Running } from '../daemon.js';
import { listenTcp } from '../listen.js';
import type { IssuedCertificate } from '../own-certificate.js';
import { readBody } from '../read-body.js';
import type { SandboxEvent } from '../sandbox-events.js';
import type { ApiAnswer, ApiRequest } from './exchange.js';

/** What the sandbox's API server is started with. */
export interface ApiOptions {
  readonly endpoint: Endpoint;
  /** Absent: plain http, which a 3.x API may be set to. */
  readonly certificate?: IssuedCertificate;
  /** What is answered to a request. */
  readonly answer: (request: ApiRequest) => ApiAnswer;
  readonly emit: (event: SandboxEvent) => void;
}

const CONNECTION_LIMIT = 256;
const REQUEST_MS = 30_000;
const BODY_LIMIT = 65_536;

/** Starts the API server: HTTP/1.1 over TLS, or without. @throws EnrollError if the port cannot be had */
export async function startApi(options: ApiOptions): Promise<Running> {
  const { endpoint, certificate, emit } = options;
  const limits = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS };
  const listener = (incoming: IncomingMessage, response: ServerResponse) => void serve(incoming, response, options);
  const server: Server =
    certificate === undefined
      ? createHttpServer(limits, listener)
      : createHttpsServer(
          {
            ...limits,
            cert: certificate.certificate,
            key: certificate.key.reveal(),
            minVersion: 'TLSv1.2',
            handshakeTimeout: HANDSHAKE_MS,
          },
          listener,
        );
  const open = new Set<Socket>();
  server.maxConnections = CONNECTION_LIMIT;
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    emit({ type: 'connection', service: 'api', from: peerOf(socket) });
  });
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    emit({ type: 'handshake failed', service: 'api', from: peerOf(socket), why: error.message });
    socket.destroy();
  });
  const port = await listenTcp(server, endpoint);
  // An accept that fails (no descriptors left) must not end the process.
  server.on('error', () => {});
  return {
    endpoint: { host: endpoint.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

async function serve(incoming: IncomingMessage, response: ServerResponse, options: ApiOptions): Promise<void> {
  const from = peerOf(incoming.socket);
  const body = await readBody(incoming, BODY_LIMIT);
  if (body === 'ended') return;
  if (body === 'too long') {
    response.writeHead(413, { connection: 'close', 'content-type': 'text/plain' }).end('Payload too large');
    return;
  }
  const method = incoming.method ?? '';
  const [path = '', query = ''] = split(incoming.url ?? '');
  const { authorization, 'content-type': contentType } = incoming.headers;
  const answer = options.answer({
    method,
    path,
    query: new URLSearchParams(query),
    body,
    source: sourceAddress(from.host),
    ...(authorization === undefined ? {} : { authorization }),
    ...(contentType === undefined ? {} : { contentType }),
  });
  const { status, user, code } = answer;
  options.emit({
    type: 'api request',
    from,
    method,
    path,
    status,
    ...(user === undefined ? {} : { user }),
    ...(code === undefined ? {} : { code }),
  });
  for (const event of answer.events ?? []) options.emit(event);
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  response.writeHead(status, { ...answer.headers, 'content-length': Buffer.byteLength(text) }).end(text);
}

function split(url: string): readonly string[] {
  const mark = url.indexOf('?');
  return mark === -1 ? [url] : [url.slice(0, mark), url.slice(mark + 1)];
}
