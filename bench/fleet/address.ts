import { connect, type Socket } from 'node:net';
import { abortReason } from '../../src/errors.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { connectError, type Dial } from '../../src/net/connect.js';

/**
 * A host of the fleet by its number, below 62,500: a name of its own, and an address of its own.
 * @param prefix the first two numbers of its address
 */
export function hostOf(number: number, prefix: string): { readonly name: string; readonly address: string } {
  const address = [prefix, Math.floor(number / 250), 1 + (number % 250)].join('.');
  return { name: `host-${String(number).padStart(5, '0')}`, address };
}

/** A connection from a host's own address. @throws the system's error, or the signal's reason */
export function connectFrom(localAddress: string, { host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = connect({ host, port, localAddress, noDelay: true });
    const onAbort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = () => signal.removeEventListener('abort', onAbort);
    socket.once('error', (error) => {
      settle();
      reject(error);
    });
    socket.once('connect', () => {
      settle();
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** As the program's own, from a host's own address. */
export function dialFrom(localAddress: string, timeoutMs: number): Dial {
  return async (endpoint, signal) => {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      return await connectFrom(localAddress, endpoint, AbortSignal.any([signal, late]));
    } catch (thrown) {
      if (signal.aborted) throw abortReason(signal);
      throw connectError(late.aborted ? Object.assign(new Error('late'), { code: 'ETIMEDOUT' }) : thrown, endpoint);
    }
  };
}
