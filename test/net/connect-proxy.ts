import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Endpoint } from '../../src/model/endpoint.js';
import { Secret } from '../../src/model/secret.js';
import type { ProxySettings } from '../../src/net/proxy-settings.js';
import type { Issued } from './certificates.js';

/** A proxy on loopback that ends with the test. */
export interface TestProxy {
  readonly settings: ProxySettings;
  /** The head of each request, as it came. */
  readonly requests: string[];
  /** Resolves when a client's connection is closed. */
  readonly closed: Promise<void>;
  /** From now on connections to this port are refused. */
  forbid(port: number): void;
  close(): Promise<void>;
}

interface Behaviour {
  /** Answers in place of a proxy. */
  readonly answer?: (socket: Socket, head: string) => void;
  /** `user:password` that is wanted. */
  readonly credentials?: string;
  /** Where names lead: the proxy looks them up, this host does not. */
  readonly names?: Readonly<Record<string, Endpoint>>;
  /** True: every name leads to 127.0.0.1, with the port that was asked for. */
  readonly local?: true;
  /** The proxy speaks TLS itself. */
  readonly identity?: Issued;
}

const GRANTED = 'HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n';

/** An HTTP proxy that makes connections. */
export async function connectProxy(behaviour: Behaviour = {}): Promise<TestProxy> {
  const { identity } = behaviour;
  const requests: string[] = [];
  const open = new Set<Socket>();
  const forbidden = new Set<number>();
  let ended = () => {};
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const onConnection = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', ended);
    let head = '';
    const onData = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.removeListener('data', onData);
      requests.push(head);
      answer(socket, head, behaviour, open, forbidden);
    };
    socket.on('data', onData);
  };
  const server: Server =
    identity === undefined
      ? createServer(onConnection)
      : createTlsServer({ cert: identity.certificate, key: identity.key }, onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    settings: {
      endpoint: { host: '127.0.0.1', port: address.port },
      secure: identity !== undefined,
      explicit: true,
      except: [],
      ...(behaviour.credentials === undefined ? {} : { credentials: new Secret(behaviour.credentials) }),
    },
    requests,
    closed,
    forbid: (port) => void forbidden.add(port),
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(
  socket: Socket,
  head: string,
  behaviour: Behaviour,
  open: Set<Socket>,
  forbidden: ReadonlySet<number>,
): void {
  if (behaviour.answer !== undefined) {
    behaviour.answer(socket, head);
    return;
  }
  const [, host = '', port = ''] = /^CONNECT \[?([^\]\s]+?)\]?:(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
  if (behaviour.credentials !== undefined) {
    const wanted = `Proxy-Authorization: Basic ${Buffer.from(behaviour.credentials).toString('base64')}\r\n`;
    if (!head.includes(wanted)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
      return;
    }
  }
  if (forbidden.has(Number(port))) {
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    return;
  }
  const local = behaviour.local === true ? { host: '127.0.0.1', port: Number(port) } : undefined;
  const target = connect(local ?? behaviour.names?.[host] ?? { host, port: Number(port) });
  open.add(target);
  target.once('connect', () => {
    socket.write(GRANTED);
    socket.pipe(target);
    target.pipe(socket);
  });
  target.once('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
  target.on('error', () => socket.destroy());
  target.once('close', () => socket.destroy());
  socket.once('close', () => target.destroy());
}
