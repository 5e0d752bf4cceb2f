import { connect as openSocket, type Socket } from 'node:net';
import { abortReason, EnrollError, type ErrorCode, systemCode } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { deadline } from './deadline.js';

/** Opens a TCP connection to an endpoint; a proxy is another implementation of the same. */
export type Dial = (endpoint: Endpoint, signal: AbortSignal) => Promise<Socket>;

/** A {@link Dial} that connects directly and gives up after `timeoutMs` milliseconds. */
export function directDial(timeoutMs: number): Dial {
  return async (endpoint, signal) => {
    const where = formatEndpoint(endpoint);
    const limit = deadline(
      signal,
      timeoutMs,
      () => new EnrollError('CONNECTION_TIMED_OUT', `No connection to ${where} within ${timeoutMs / 1000} s.`),
    );
    try {
      return await open(endpoint, limit.signal);
    } catch (thrown) {
      throw thrown instanceof EnrollError ? thrown : connectError(thrown, endpoint);
    } finally {
      limit.clear();
    }
  };
}

function open({ host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortReason(signal));
      return;
    }
    const socket = openSocket({ host, port, noDelay: true });
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('connect', onConnect);
    };
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    const onError = (error: Error) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => {
      settle();
      // A socket that is given up may still report its end; nobody listens any more.
      socket.on('error', () => {});
      socket.destroy();
      reject(abortReason(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', onConnect);
  });
}

/** What a failed name look-up or connection means, by the system's error code. */
export function connectError(thrown: unknown, endpoint: Endpoint): EnrollError {
  const where = formatEndpoint(endpoint);
  const system = systemCode(thrown) ?? firstCode(thrown);
  const [code, message] = describe(system, endpoint.host, where);
  return new EnrollError(code, message, { cause: thrown });
}

// Several addresses tried in vain give an AggregateError; its members carry the codes.
function firstCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof AggregateError)) return undefined;
  return thrown.errors.map(systemCode).find((code) => code !== undefined);
}

function describe(system: string | undefined, host: string, where: string): [ErrorCode, string] {
  switch (system) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NONAME':
      return ['HOST_UNRESOLVED', `The name ${host} could not be resolved (${system}).`];
    case 'ECONNREFUSED':
      return ['CONNECTION_REFUSED', `${where} refused the connection.`];
    case 'ETIMEDOUT':
      return ['CONNECTION_TIMED_OUT', `No connection to ${where}: it did not answer.`];
    default:
      return ['CONNECTION_FAILED', `No connection to ${where} (${system ?? 'unknown reason'}).`];
  }
}
