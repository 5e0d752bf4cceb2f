import type { LookupAddress } from 'node:dns';
import { isIP, connect as openSocket, type Socket } from 'node:net';
import { abortReason, EnrollError, type ErrorCode, systemCode } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { deadline, pause, unlessAborted } from './deadline.js';
import { type Lookup, systemLookup } from './lookup.js';
import { socketAddress } from './zone.js';

/** Opens a TCP connection to an endpoint; a proxy is another implementation of the same. */
export type Dial = (endpoint: Endpoint, signal: AbortSignal) => Promise<Socket>;

/** How long an address has for itself before the next one is tried beside it (RFC 8305), in milliseconds. */
const HEAD_START_MS = 250;

/**
 * A {@link Dial} that connects directly and gives up after `timeoutMs` milliseconds. The addresses of a name are tried
 * side by side, each beginning a little after the one before, and none is given up while another is tried: an address may
 * be good and slow.
 */
export function directDial(timeoutMs: number, lookup: Lookup = systemLookup): Dial {
  return async (endpoint, signal) => {
    const where = formatEndpoint(endpoint);
    let found = false;
    const late = () =>
      found
        ? new EnrollError('CONNECTION_TIMED_OUT', `No connection to ${where} within ${timeoutMs / 1000} s.`)
        : lateLookup(endpoint, timeoutMs);
    const limit = deadline(signal, timeoutMs, late);
    try {
      const addresses = await unlessAborted(addressesOf(endpoint.host, lookup), limit.signal);
      found = true;
      return await openFirst(inTurns(addresses), endpoint, limit.signal);
    } catch (thrown) {
      // Whoever waits for more than the connection has a deadline of its own, which knows nothing of names.
      if (!found && signal.aborted && abortReason(signal).code === 'CONNECTION_TIMED_OUT') throw late();
      throw thrown instanceof EnrollError ? thrown : connectError(thrown, endpoint);
    } finally {
      limit.clear();
    }
  };
}

async function addressesOf(host: string, lookup: Lookup): Promise<readonly LookupAddress[]> {
  const family = isIP(host.replace(/%.*$/, ''));
  const found = family === 0 ? await lookup(host) : [{ address: host, family }];
  if (found.length === 0) throw new EnrollError('HOST_UNRESOLVED', `The name ${host} has no address.`);
  return found;
}

/** The families in turn, beginning with that of the first address: one of them may lead nowhere. */
export function inTurns(addresses: readonly LookupAddress[]): LookupAddress[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  return addresses.flatMap((_, index) => [first[index], second[index]].filter((address) => address !== undefined));
}

/** The first connection that comes about; the others are given up then. */
async function openFirst(
  addresses: readonly LookupAddress[],
  { port }: Endpoint,
  signal: AbortSignal,
): Promise<Socket> {
  const over = new AbortController();
  const stop = () => over.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const attempts: Promise<Socket>[] = [];
  let chosen: Socket | undefined;
  try {
    for (const address of addresses) {
      const failed = new AbortController();
      const attempt = open(address, port, over.signal);
      attempt.catch(() => failed.abort());
      attempts.push(attempt);
      const made = Promise.any(attempts).catch(() => undefined);
      const headStart = pause(HEAD_START_MS, failed.signal).then(() => undefined);
      chosen = await Promise.race([made, headStart]);
      failed.abort();
      if (chosen !== undefined) return chosen;
      if (signal.aborted) throw abortReason(signal);
    }
    chosen = await Promise.any(attempts);
    return chosen;
  } catch (thrown) {
    throw signal.aborted ? abortReason(signal) : telling(thrown);
  } finally {
    signal.removeEventListener('abort', stop);
    over.abort();
    for (const attempt of attempts) attempt.then((socket) => socket === chosen || socket.destroy()).catch(() => {});
  }
}

function open({ address, family }: LookupAddress, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortReason(signal));
      return;
    }
    const place = socketAddress(address);
    const socket = openSocket({ host: place, family, port, noDelay: true });
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

/** A name look-up that took too long. */
export function lateLookup({ host }: Endpoint, timeoutMs: number): EnrollError {
  return new EnrollError('HOST_UNRESOLVED', `The name ${host} could not be resolved within ${timeoutMs / 1000} s.`);
}

/** What a failed name look-up or connection means, by the system's error code. */
export function connectError(thrown: unknown, endpoint: Endpoint): EnrollError {
  const where = formatEndpoint(endpoint);
  const [code, message] = describe(systemCode(thrown), endpoint.host, where);
  return new EnrollError(code, message, { cause: thrown });
}

// Several addresses tried in vain: that one of them refused tells most, for the host is there.
function telling(thrown: unknown): unknown {
  if (!(thrown instanceof AggregateError)) return thrown;
  const errors: readonly unknown[] = thrown.errors;
  return errors.find((error) => systemCode(error) === 'ECONNREFUSED') ?? errors[0];
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
