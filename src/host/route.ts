import { createSocket } from 'node:dgram';
import ipaddr from 'ipaddr.js';
import { EnrollError } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import { connectError } from '../net/connect.js';
import { deadline, unlessAborted } from '../net/deadline.js';
import { addressAlone, type Lookup, systemLookup } from '../net/lookup.js';
import { socketAddress } from '../net/zone.js';

/** How this host reaches a manager: two addresses of one family, without zone, IPv4 as IPv4. */
export interface Route {
  /** The address of this host from which it is reached. */
  readonly local: string;
  /** The address of the manager. */
  readonly manager: string;
}

/** Finds the ways to a manager, one for each of its addresses that this host has a way to; the preferred one first. */
export type FindRoutes = (manager: Endpoint, signal: AbortSignal) => Promise<readonly [Route, ...Route[]]>;

/**
 * A {@link FindRoutes} that asks the routing table: connecting a UDP socket binds it to the address that packets to the
 * manager would carry, and sends nothing. It gives up after `timeoutMs` milliseconds, and throws an EnrollError
 * `HOST_UNRESOLVED`, `CONNECTION_FAILED` (no route) or `CONNECTION_TIMED_OUT`.
 */
export function routingTable(timeoutMs: number, lookup: Lookup = systemLookup): FindRoutes {
  return async (manager, signal) => {
    const limit = deadline(
      signal,
      timeoutMs,
      () =>
        new EnrollError(
          'CONNECTION_TIMED_OUT',
          `The name ${manager.host} was not resolved within ${timeoutMs / 1000} s.`,
        ),
    );
    try {
      return await routesTo(manager, lookup, limit.signal);
    } catch (thrown) {
      throw thrown instanceof EnrollError ? thrown : connectError(thrown, manager);
    } finally {
      limit.clear();
    }
  };
}

async function routesTo(manager: Endpoint, lookup: Lookup, signal: AbortSignal): Promise<readonly [Route, ...Route[]]> {
  const candidates = await unlessAborted(lookup(manager.host), signal);
  const routes: Route[] = [];
  let last: unknown;
  for (const { address: candidate } of candidates) {
    try {
      const local = await unlessAborted(sourceFor(candidate, manager.port), signal);
      routes.push({ local: plainAddress(local), manager: plainAddress(candidate) });
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      last = thrown;
    }
  }
  const [first, ...others] = routes;
  if (first !== undefined) return [first, ...others];
  if (last === undefined) throw new EnrollError('HOST_UNRESOLVED', `The name ${manager.host} has no address.`);
  throw new EnrollError('CONNECTION_FAILED', `This host has no route to ${formatEndpoint(manager)}.`, { cause: last });
}

function sourceFor(address: string, port: number): Promise<string> {
  const [bare = '', zone] = address.split('%');
  const target = zone === undefined ? plainAddress(bare) : socketAddress(address);
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: target.includes(':') ? 'udp6' : 'udp4', lookup: addressAlone });
    const done = (error?: Error) => {
      if (error !== undefined) {
        socket.close();
        reject(error);
        return;
      }
      const local = socket.address().address;
      socket.close();
      resolve(local);
    };
    socket.once('error', done);
    // The port is never used; only zero is not allowed.
    socket.connect(port === 0 ? 9 : port, target, done);
  });
}

/** An address as records have it: without a zone, an IPv4-mapped one as IPv4, IPv6 in its short form. */
export function plainAddress(address: string): string {
  const [bare = ''] = address.split('%');
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare;
}
