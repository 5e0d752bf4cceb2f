import type { Endpoint } from '../../model/endpoint.js';
import type { Dial } from '../../net/connect.js';
import type { Lookup } from '../../net/lookup.js';
import { openTcp } from './tcp.js';
import type { OpenTransport } from './transport.js';
import { openUdp } from './udp.js';

/** What {@link opener} needs of the outside. */
export interface OpenerOptions {
  /** Makes the TCP connections, directly or through a proxy. */
  readonly dial: Dial;
  /** For one name look-up over UDP, in milliseconds; over TCP `dial` keeps the time. */
  readonly timeoutMs: number;
  /** Whether `dial` goes through a proxy, which is then what the manager sees. */
  readonly proxied?: boolean;
  /** Finds the addresses for UDP; absent: the system's. Over TCP that is `dial`'s affair. */
  readonly lookup?: Lookup;
}

/** Opens transports to one remoted. Over UDP it remembers which of the manager's addresses have refused. */
export function opener(endpoint: Endpoint, { dial, timeoutMs, proxied = false, lookup }: OpenerOptions): OpenTransport {
  const refused = new Set<string>();
  return (protocol, signal) =>
    protocol === 'tcp'
      ? openTcp(endpoint, dial, signal, !proxied)
      : openUdp(endpoint, timeoutMs, signal, refused, lookup);
}
