import type { Socket } from 'node:net';
import { abortReason, EnrollError } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import type { Dial } from './connect.js';
import { deadline } from './deadline.js';
import { isExempt, isLoopback } from './no-proxy.js';
import { answerError, describeProxy } from './proxy-error.js';
import { type ConnectHead, headOf } from './proxy-head.js';
import type { ProxySettings } from './proxy-settings.js';
import { proxyTls } from './proxy-tls.js';

/** No proxy sends so much before its connection begins. */
const HEAD_LIMIT = 16 * 1024;

/**
 * The proxy by which an endpoint is to be reached, or `undefined` where the connection is direct. One that was named for
 * this run applies to all hosts; one of the environment not to this host itself, nor to those in `NO_PROXY`.
 */
export function proxyFor(endpoint: Endpoint, proxy: ProxySettings | undefined): ProxySettings | undefined {
  if (proxy === undefined || proxy.explicit) return proxy;
  return isLoopback(endpoint) || isExempt(endpoint, proxy.except) ? undefined : proxy;
}

/**
 * The dial of a run: through the proxy where one applies to the endpoint, else direct.
 * @param direct makes the {@link Dial} that connects directly
 */
export function dialThrough(
  proxy: ProxySettings | undefined,
  direct: (timeoutMs: number) => Dial,
  timeoutMs: number,
): Dial {
  const straight = direct(timeoutMs);
  if (proxy === undefined) return straight;
  const proxied = proxyDial(proxy, straight, timeoutMs);
  return (endpoint, signal) => (proxyFor(endpoint, proxy) === undefined ? straight : proxied)(endpoint, signal);
}

/**
 * A {@link Dial} that connects through a proxy. The proxy looks the name up.
 *
 * The dial throws `PROXY_UNREACHABLE`, `PROXY_REFUSED`, `PROXY_CREDENTIALS_REFUSED` or `NOT_PROXY`; `CONNECTION_FAILED`
 * or `CONNECTION_TIMED_OUT` where the proxy says that it did not reach the endpoint; `CERTIFICATE_UNTRUSTED` for an
 * `https://` proxy; and the reason of its signal.
 *
 * @param direct connects to the proxy
 * @param timeoutMs for the connection to the proxy and its answer together, in milliseconds
 */
export function proxyDial(proxy: ProxySettings, direct: Dial, timeoutMs: number): Dial {
  return async (endpoint, signal) => {
    const request = connectRequest(endpoint, proxy);
    let stage = `${describeProxy(proxy)} was not reached`;
    const late = () => new EnrollError('PROXY_UNREACHABLE', `${stage} within ${timeoutMs / 1000} s.`);
    const limit = deadline(signal, timeoutMs, late);
    let socket: Socket | undefined;
    try {
      socket = await toProxy(proxy, direct, limit.signal);
      stage = `${describeProxy(proxy)} gave no connection to ${formatEndpoint(endpoint)}`;
      const head = await converse(socket, request, proxy, endpoint, limit.signal);
      if (head.status < 200 || head.status > 299) throw answerError(head, proxy, endpoint);
      return socket;
    } catch (thrown) {
      socket?.on('error', () => {});
      socket?.destroy();
      if (!signal.aborted) throw thrown;
      // Whoever waits for more than the connection has a deadline of its own, which knows nothing of a proxy.
      const reason = abortReason(signal);
      throw reason.code === 'CONNECTION_TIMED_OUT' ? late() : reason;
    } finally {
      limit.clear();
    }
  };
}

function connectRequest(endpoint: Endpoint, { credentials }: ProxySettings): string {
  const authority = formatEndpoint(endpoint);
  if (!/^[\x21-\x7e]+$/.test(authority)) {
    throw new EnrollError('SETTING_INVALID', 'This name of a host cannot be asked of a proxy.');
  }
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (credentials !== undefined) {
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(credentials.reveal()).toString('base64')}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

async function toProxy(proxy: ProxySettings, direct: Dial, signal: AbortSignal): Promise<Socket> {
  let socket: Socket;
  try {
    socket = await direct(proxy.endpoint, signal);
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    throw new EnrollError('PROXY_UNREACHABLE', `${describeProxy(proxy)} cannot be reached: ${thrown.message}`, {
      cause: thrown,
    });
  }
  if (!proxy.secure) return socket;
  return await proxyTls(socket, proxy, signal);
}

/**
 * Sends the request and reads the answer's head. What came behind it stays in the socket, for it is the other side's
 * first word already.
 */
function converse(
  socket: Socket,
  request: string,
  proxy: ProxySettings,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<ConnectHead> {
  return new Promise((resolve, reject) => {
    const who = describeProxy(proxy);
    let read = Buffer.alloc(0);
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('readable', onReadable);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', onEnd);
      socket.removeListener('error', onEnd);
    };
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const onAbort = () => fail(abortReason(signal));
    const onEnd = (cause?: unknown) => {
      const sentence =
        read.length === 0
          ? `${who} closed the connection without an answer when it was asked for ${formatEndpoint(endpoint)}.`
          : `${who} closed the connection within its answer.`;
      fail(new EnrollError('PROXY_REFUSED', sentence, cause instanceof Error ? { cause } : {}));
    };
    const onReadable = () => {
      for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read()) {
        read = Buffer.concat([read, chunk]);
        const found = headOf(read);
        if (found === 'not http') {
          return fail(new EnrollError('NOT_PROXY', `${who} does not answer as an HTTP proxy does.`));
        }
        if (found !== undefined && found.length <= HEAD_LIMIT) {
          settle();
          const rest = read.subarray(found.length);
          if (rest.length > 0) socket.unshift(rest);
          return resolve(found);
        }
        if (read.length > HEAD_LIMIT) {
          return fail(new EnrollError('NOT_PROXY', `${who} sent an answer without end.`));
        }
      }
      return undefined;
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('readable', onReadable);
    socket.once('end', onEnd);
    socket.once('close', onEnd);
    socket.once('error', onEnd);
    if (signal.aborted) return onAbort();
    if (socket.destroyed) return onEnd();
    socket.write(request);
    return undefined;
  });
}
