import type { Endpoint } from '../../model/endpoint.js';
import type { Dial } from '../../net/connect.js';
import { openTcp } from './tcp.js';
import type { OpenTransport } from './transport.js';
import { openUdp } from './udp.js';

/** What {@link opener} needs of the outside. */
export interface OpenerOptions {
  /** Makes the TCP connections, directly or through a proxy. */
  readonly dial: Dial;
  /** For one name look-up over UDP, in milliseconds; over TCP `dial` keeps the time. */
  readonly timeoutMs: number;
}

/** Opens transports to one remoted. Over UDP it remembers which of the manager's addresses have refused. */
export function opener(endpoint: Endpoint, { dial, timeoutMs }: OpenerOptions): OpenTransport {
  const refused = new Set<string>();
  return (protocol, signal) =>
    protocol === 'tcp' ? openTcp(endpoint, dial, signal) : openUdp(endpoint, timeoutMs, signal, refused);
}
