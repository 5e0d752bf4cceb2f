import { EnrollError } from '../../errors.js';
import { type Endpoint, formatEndpoint } from '../../model/endpoint.js';
import type { Protocol } from './transport.js';

/** What was seen of one protocol while the handshake went unanswered. */
interface Seen {
  /** The port was closed (connection refused, or ICMP port unreachable). */
  refused: boolean;
  /** A TCP connection was made. */
  opened: boolean;
  /** The connection was closed after our message. */
  closed: boolean;
  /** `#ping` was answered. */
  pong: boolean;
  /** Something came back that this key cannot read. */
  unreadable: boolean;
  /** No connection within the time of one attempt. */
  timedOut: boolean;
}

const nothing = (): Seen => ({
  refused: false,
  opened: false,
  closed: false,
  pong: false,
  unreadable: false,
  timedOut: false,
});

/**
 * Collects what can be told about a manager that does not acknowledge, and puts it into words.
 *
 * A host that refuses TCP is there, and would refuse UDP too (ICMP) if nothing listened: silence on UDP beside a refused
 * TCP is what an OSSEC manager does with a key that it does not know.
 */
export class Evidence {
  readonly #seen: Record<Protocol, Seen | undefined> = { tcp: undefined, udp: undefined };

  /** Notes one observation; the first one for a protocol also notes that the protocol was tried. */
  note(protocol: Protocol, what: keyof Seen | 'tried'): void {
    const seen = this.#seen[protocol] ?? nothing();
    this.#seen[protocol] = seen;
    if (what !== 'tried') seen[what] = true;
  }

  /** Whether `#ping` was answered on any protocol. */
  get pong(): boolean {
    return this.#seen.tcp?.pong === true || this.#seen.udp?.pong === true;
  }

  /** The error for a wait that ended without an acknowledgement. */
  toError(endpoint: Endpoint, waitedMs: number): EnrollError {
    const where = formatEndpoint(endpoint);
    const lines = [line('TCP', this.#seen.tcp), line('UDP', this.#seen.udp)].filter((text) => text !== undefined);
    const told = lines.join('; ');
    const waited = `within ${seconds(waitedMs)}`;
    const tried = [this.#seen.tcp, this.#seen.udp].filter((seen) => seen !== undefined);
    if (tried.length > 0 && tried.every((seen) => seen.refused && !seen.opened && !seen.pong)) {
      return new EnrollError('LINK_PORT_CLOSED', `The agent port of the manager is closed (${where}). ${told}.`);
    }
    // remoted closes the connection of a key that it does not know; what keeps it open in silence is something else.
    if (tried.some((seen) => seen.pong || seen.closed || seen.unreadable)) {
      return new EnrollError(
        'LINK_NOT_ACKNOWLEDGED',
        `The manager's remoted is there (${where}), but did not acknowledge the key ${waited}. ${told}.`,
        { hint: NOT_ACKNOWLEDGED },
      );
    }
    if (this.#seen.tcp?.refused === true && this.#seen.udp?.refused === false) {
      return new EnrollError(
        'LINK_UNANSWERED',
        `The manager's host is there (${where}), but nothing acknowledged the key ${waited}. ${told}, as from an OSSEC manager that does not know the key.`,
      );
    }
    return new EnrollError(
      'LINK_SILENT',
      `Nothing answered on the agent port of the manager (${where}) ${waited}. ${told}.`,
    );
  }
}

// remoted answers an unknown id, a wrong key, a wrong address and a key that it has not loaded yet all alike.
const NOT_ACKNOWLEDGED =
  'Check on the manager that this agent is in its client.keys with the same key, that its address there is one from which this host is seen (or any), and what its log (ossec.log) says. A manager may need some time to load a new key: --wait gives it longer.';

function line(name: string, seen: Seen | undefined): string | undefined {
  if (seen === undefined) return undefined;
  if (seen.pong) return `${name}: it answers #ping, but no message with this key`;
  if (seen.unreadable) return `${name}: it answered something that this key cannot read`;
  if (seen.closed) return `${name}: it takes the connection and closes it without an answer`;
  if (seen.opened) return `${name}: it takes the connection and does not answer`;
  if (seen.refused) return `${name}: the port is closed`;
  if (seen.timedOut) return `${name}: no connection`;
  return `${name}: no answer`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
