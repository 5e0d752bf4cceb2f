import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { certificates, type Issued } from '../../net/certificates.js';

/** A request that arrived. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** What to answer: a recorded pair by its name, an answer, or a function that writes one (or does worse). */
export type Step = string | Answer | ((seen: Seen, response: ServerResponse) => void);

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Pair {
  readonly request: { readonly body: unknown };
  readonly response: Answer;
}

export type Version = '3.13.6-authd' | '4.3.11' | '4.14.7';

const vectors: { pairs: Record<Version, Record<string, Pair>> } = JSON.parse(
  readFileSync(new URL('../../vectors/rest-api.json', import.meta.url), 'utf8'),
);

/** A recorded answer. */
export function recorded(version: Version, name: string): Answer {
  const pair = vectors.pairs[version][name];
  if (pair === undefined) throw new Error(`no recording ${name} of ${version}`);
  return pair.response;
}

/** A refusal as 4.x writes one. */
export function problem(status: number, detail: string, error?: number): Answer {
  return {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    body: { title: 'Refused', detail, ...(error === undefined ? {} : { error }) },
  };
}

/** A success of 4.x. */
export function success(data: unknown, error = 0): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: { data, error } };
}

/** A success of 4.x with one failed item. */
export function failedItem(code: number, message: string, id = '001'): Answer {
  return success({ affected_items: [], failed_items: [{ error: { code, message }, id: [id] }] }, 1);
}

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
  /** `POST /agents` and the like, in the order of arrival. */
  readonly calls: string[];
  /** Resolves when no connection is open. Those that are left to their own end, which takes seconds, are a fault. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** A server on loopback that records what it gets; `handle` answers. */
export async function apiServer(
  handle: (seen: Seen, response: ServerResponse) => void,
  { identity = certificates().server, plain = false }: { identity?: Issued; plain?: boolean } = {},
): Promise<ApiServer> {
  const seen: Seen[] = [];
  const calls: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => {});
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const one: Seen = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
      seen.push(one);
      calls.push(`${one.method} ${one.path}`);
      handle(one, response);
    });
  };
  const server = plain
    ? createPlainServer(listener)
    : createServer({ cert: identity.certificate, key: identity.key }, listener);
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `${plain ? 'http' : 'https'}://127.0.0.1:${address.port}`,
    port: address.port,
    seen,
    calls,
    async idle() {
      const began = performance.now();
      for (const socket of open) await once(socket, 'close');
      if (performance.now() - began > 3000) throw new Error('A connection was kept.');
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Writes an answer as it stands. */
export function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

const LOGIN = '/security/user/authenticate';

function before(version: Version): Record<string, Step> {
  switch (version) {
    case '3.13.6-authd':
      return { 'GET /': 'server-info' };
    case '4.3.11':
      return {
        [`POST ${LOGIN}`]: 'authenticate-wrong-method',
        [`GET ${LOGIN}`]: 'authenticate-json',
        'GET /': 'server-info',
      };
    case '4.14.7':
      return { [`POST ${LOGIN}`]: 'authenticate-json', 'GET /': 'server-info' };
  }
}

/**
 * An API that answers as the recorded one did. `routes` are by method and path without query; a list is worked off in
 * order, its last step staying.
 */
export function managerApi(
  version: Version,
  routes: Readonly<Record<string, Step | readonly Step[]>>,
  options: { identity?: Issued; plain?: boolean } = {},
): Promise<ApiServer> {
  const is3 = version === '3.13.6-authd';
  const table: Record<string, Step | readonly Step[]> = { ...before(version), ...routes };
  const turn = new Map<string, number>();
  return apiServer((one, response) => {
    const give = (step: Step) => {
      if (typeof step === 'function') step(one, response);
      else write(response, typeof step === 'string' ? recorded(version, step) : step);
    };
    if (one.headers.authorization === undefined) return give(is3 ? 'no-credentials' : 'no-token');
    if (is3 && one.body !== undefined && one.headers['content-type'] !== 'application/json') {
      return give('wrong-content-type');
    }
    const key = `${one.method} ${one.path.replace(/\?.*/, '')}`;
    const steps = table[key];
    if (steps === undefined) {
      return give(is3 ? 'not-found' : problem(404, '404: Not Found'));
    }
    const queue = isList(steps) ? steps : [steps];
    const count = turn.get(key) ?? 0;
    turn.set(key, count + 1);
    return give(queue[Math.min(count, queue.length - 1)] ?? 'not-found');
  }, options);
}

function isList(steps: Step | readonly Step[]): steps is readonly Step[] {
  return Array.isArray(steps);
}
