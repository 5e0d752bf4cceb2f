import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { HttpsEndpoint } from '../src/model/https-endpoint.js';
import { spkiFingerprint } from '../src/net/certificate.js';
import { certificates, type Issued } from './net/certificates.js';

/** A request that arrived. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  /** Which connection it came over, from 1. */
  readonly connection: number;
}

/** An answer; headers are given by the test alone. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** An answer, or a function that writes one (or does worse). */
export type Step = Answer | ((arrived: Arrived, response: ServerResponse) => void);

/** What stands in the place of a Wazuh 5. */
export interface ManagerServer {
  readonly manager: HttpsEndpoint;
  readonly arrived: Arrived[];
  /** All that came over the connections, decrypted. */
  readonly wire: Map<number, string>;
  close(): Promise<void>;
}

/** The headers of a remoted. */
export const REMOTED = { server: 'wazuh-manager-remoted', 'content-type': 'application/json' };

/** An answer of a remoted. */
export function remoted(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...REMOTED, ...headers }, body };
}

/** A refusal of the enrollment. */
export function enrollRefusal(
  status: number,
  code: string | number,
  message = 'Invalid client authentication',
): Answer {
  return remoted(status, { error: { code, message } });
}

/** A refusal of everything else. */
export function flatRefusal(code: string): Answer {
  return remoted(401, { error: 'Invalid client authentication', code });
}

/** The answer to a path that is not there. */
export const NO_ROUTE: Answer = {
  status: 404,
  headers: { 'content-type': 'application/json', connection: 'close' },
  body: { error: 'not_found' },
};

/** The answer to a probe. */
export const ALIVE = remoted(200, { status: 'ok', module: 'remoted' });

/** The SHA-256 of a certificate's public key, as a token names it. */
export function pinOf(certificate: string): string {
  return spkiFingerprint(new X509Certificate(certificate));
}

/** The answer that publishes certificates. */
export function cacerts(...pems: readonly string[]): Answer {
  return { status: 200, headers: { ...REMOTED, 'content-type': 'application/x-pem-file' }, body: pems.join('') };
}

/**
 * A server in TLS 1.3 on loopback. `routes` are by method and path below the prefix (`POST enroll`); a list is worked off
 * in order, its last step staying. What is in none is answered as a remoted does.
 */
export async function managerServer(
  routes: Readonly<Record<string, Step | readonly Step[]>>,
  {
    identity = certificates().server,
    prefix = 'wazuh-manager',
    ...tls
  }: ServerOptions & { readonly identity?: Issued; readonly prefix?: string } = {},
): Promise<ManagerServer> {
  const arrived: Arrived[] = [];
  const wire = new Map<number, string>();
  const numbers = new Map<Socket, number>();
  const turn = new Map<string, number>();
  const answer = (one: Arrived, response: ServerResponse) => {
    const below = prefix === '' ? '/' : `/${prefix}/`;
    const key = `${one.method} ${one.path.startsWith(below) ? one.path.slice(below.length) : one.path}`;
    const steps = routes[key] ?? NO_ROUTE;
    const queue = isList(steps) ? steps : [steps];
    const count = turn.get(key) ?? 0;
    turn.set(key, count + 1);
    const step = queue[Math.min(count, queue.length - 1)] ?? NO_ROUTE;
    if (typeof step === 'function') step(one, response);
    else write(response, step);
  };
  const server = createServer(
    { cert: identity.certificate, key: identity.key, minVersion: 'TLSv1.3', ...tls },
    (request: IncomingMessage, response: ServerResponse) => {
      response.on('error', () => {});
      request.on('error', () => {});
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const one: Arrived = {
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: text === '' ? undefined : JSON.parse(text),
          connection: numbers.get(request.socket) ?? 0,
        };
        arrived.push(one);
        answer(one, response);
      });
    },
  );
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
  });
  server.on('secureConnection', (socket) => {
    const number = numbers.size + 1;
    numbers.set(socket, number);
    wire.set(number, '');
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => wire.set(number, `${wire.get(number)}${chunk.toString('latin1')}`));
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    manager: { host: '127.0.0.1', port: address.port, prefix },
    arrived,
    wire,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Writes an answer as it stands. */
export function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.sendDate = headers?.['date'] === undefined && headers?.['server'] !== undefined;
  response.writeHead(status, { ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

function isList(steps: Step | readonly Step[]): steps is readonly Step[] {
  return Array.isArray(steps);
}
