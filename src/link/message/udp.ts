import { createSocket, type Socket } from 'node:dgram';
import type { LookupAddress } from 'node:dns';
import { EnrollError } from '../../errors.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import { connectError, lateLookup } from '../../net/connect.js';
import { type Deadline, deadline, unlessAborted } from '../../net/deadline.js';
import { addressAlone, type Lookup, systemLookup } from '../../net/lookup.js';
import { socketAddress } from '../../net/zone.js';
import { Inbox } from './inbox.js';
import { FIRST_BYTES } from './stranger.js';
import type { Transport } from './transport.js';

/**
 * Messages over UDP, to remoted of any version. The socket is connected, so that only the manager's datagrams arrive
 * and a closed port is told: `send` or `receive` then throws `CONNECTION_REFUSED`, once for each notice, and the
 * transport stays usable.
 *
 * Nothing tells at opening whether an address answers. Of several, IPv4 comes first, where remoted listens unless its
 * `<ipv6>` says otherwise, and one that has refused comes last.
 * @param timeoutMs for the name look-up, in milliseconds
 * @param signal ends the opening; an open transport is ended with `close()`
 * @param refused the addresses that have refused; the transport adds its own when that happens
 * @param lookup finds the addresses of the name
 * @throws EnrollError with `HOST_UNRESOLVED` or `CONNECTION_FAILED`, or with the reason of an aborted signal
 */
export async function openUdp(
  endpoint: Endpoint,
  timeoutMs: number,
  signal: AbortSignal,
  refused: Set<string> = new Set(),
  lookup: Lookup = systemLookup,
): Promise<Transport> {
  const limit = deadline(signal, timeoutMs, () => lateLookup(endpoint, timeoutMs));
  try {
    const addresses = await unlessAborted(lookup(endpoint.host), limit.signal);
    return await openFirst(addressOrder(addresses, refused), endpoint, limit, refused);
  } catch (thrown) {
    throw thrown instanceof EnrollError ? thrown : connectError(thrown, endpoint);
  } finally {
    limit.clear();
  }
}

/** In which order the addresses of a manager are tried: IPv4 before IPv6, and last those that have refused. */
export function addressOrder(addresses: readonly LookupAddress[], refused: ReadonlySet<string>): LookupAddress[] {
  const rank = ({ address, family }: LookupAddress) => (refused.has(address) ? 2 : 0) + (family === 6 ? 1 : 0);
  return addresses.toSorted((a, b) => rank(a) - rank(b));
}

async function openFirst(
  addresses: readonly LookupAddress[],
  endpoint: Endpoint,
  limit: Deadline,
  refused: Set<string>,
): Promise<Transport> {
  let failure: unknown;
  for (const { address, family } of addresses) {
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: addressAlone });
    try {
      await unlessAborted(connected(socket, endpoint.port, address), limit.signal);
      return new UdpTransport(socket, endpoint, () => refused.add(address));
    } catch (thrown) {
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      failure = thrown;
    }
  }
  throw failure ?? new EnrollError('HOST_UNRESOLVED', `The name ${endpoint.host} has no address.`);
}

// Connecting a UDP socket sends nothing; it fails where this host has no route of that family.
function connected(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const place = socketAddress(address);
    socket.once('error', reject);
    socket.once('connect', resolve);
    socket.connect(port, place);
  });
}

class UdpTransport implements Transport {
  readonly protocol = 'udp';
  readonly localAddress: string;
  readonly #socket: Socket;
  readonly #endpoint: Endpoint;
  readonly #onRefused: () => void;
  readonly #inbox = new Inbox();
  #closed: EnrollError | undefined;
  #first: Uint8Array = new Uint8Array();

  constructor(socket: Socket, endpoint: Endpoint, onRefused: () => void) {
    this.#socket = socket;
    this.localAddress = socket.address().address;
    this.#endpoint = endpoint;
    this.#onRefused = onRefused;
    socket.on('message', (message) => {
      if (this.#first.length === 0) this.#first = Uint8Array.from(message.subarray(0, FIRST_BYTES));
      // What finds no room is lost, as on any network: the handshake sends again.
      if (message.length > 0 && !this.#inbox.full) this.#inbox.add(message);
    });
    socket.on('error', (error) => {
      const fault = this.#faultOf(error);
      if (!this.#inbox.full) this.#inbox.add(fault);
    });
  }

  get firstBytes(): Uint8Array {
    return this.#first;
  }

  send(message: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      // A notice that came for an earlier datagram can turn up here, and takes the place of this one.
      this.#socket.send(message, (error) => {
        if (error === null) resolve();
        else reject(this.#faultOf(error));
      });
    });
  }

  receive(signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#inbox.take(signal);
  }

  close(): void {
    if (this.#closed !== undefined) return;
    const where = formatEndpoint(this.#endpoint);
    this.#closed = new EnrollError('CONNECTION_FAILED', `The connection to ${where} was closed by this host.`);
    this.#inbox.end(this.#closed);
    this.#socket.close();
  }

  #faultOf(error: Error): EnrollError {
    const fault = connectError(error, this.#endpoint);
    if (fault.code === 'CONNECTION_REFUSED') this.#onRefused();
    return fault;
  }
}
