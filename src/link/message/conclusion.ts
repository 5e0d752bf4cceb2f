import type { Conclusion, Ending, Sighting } from '../link-evidence.js';
import type { Protocol } from './transport.js';

/** So often it must have been the message that was refused. */
export const ENOUGH_REFUSALS = 3;

/** What was seen, by protocol; absent: not tried. */
export type Seen = Partial<Readonly<Record<Protocol, Sighting>>>;

/**
 * What was seen comes to. What proves a manager comes first; what only shows that something is there proves nothing,
 * and how it was at the end of the wait counts: a manager that went down meanwhile did not refuse the key.
 *
 * @param authd whether the port is that of the enrollment service
 */
export function conclude(seen: Seen, authd: boolean): Conclusion {
  const { tcp, udp } = seen;
  const tried = [tcp, udp].filter((sighting) => sighting !== undefined);
  if (tried.some(({ answered }) => answered)) return { kind: 'remoted', by: 'answer' };
  if (tried.some((sighting) => sighting.pong === 'now' && !isGone(sighting))) return { kind: 'remoted', by: 'pong' };
  // authd ends what is no TLS without a word, as any service with OpenSSL may.
  if (tcp !== undefined && closes(tcp) && authd) return { kind: 'other-service', protocol: 'tcp', service: 'authd' };
  if (tcp !== undefined && refusesMessages(tcp)) return { kind: 'refused-message' };
  const stranger = strangerOf(seen, authd);
  if (stranger !== undefined) return stranger;
  if (tcp !== undefined && closes(tcp)) return { kind: 'closes' };
  // Where TCP was open before, that was the manager's way, and not UDP.
  if (tcp?.last === 'refused' && wasOpen(tcp)) return { kind: 'closed' };
  if (tried.length > 0 && tried.every(({ last }) => last === 'refused')) return { kind: 'closed' };
  if (tcp?.last === 'refused' && udp?.last === 'silent') return { kind: 'silent-udp' };
  if (tried.length > 0 && tried.every(({ last }) => last === 'unresolved')) return { kind: 'unresolved' };
  return { kind: 'silent' };
}

/** Whether it is the message of this key that is refused: not from a single case, nor of something that has spoken. */
export function refusesMessages({ refusals, last, stranger }: Sighting): boolean {
  return refusals >= ENOUGH_REFUSALS && last === 'closed' && stranger === undefined;
}

const GONE: readonly (Ending | undefined)[] = ['refused', 'unreachable', 'unresolved'];

function isGone({ last }: Sighting): boolean {
  return GONE.includes(last);
}

function wasOpen({ endings: { closed = 0, silent = 0 }, pong }: Sighting): boolean {
  return closed + silent > 0 || pong !== undefined;
}

function closes(sighting: Sighting): boolean {
  return (sighting.endings.closed ?? 0) > 0 && !isGone(sighting);
}

function strangerOf({ tcp, udp }: Seen, authd: boolean): Conclusion | undefined {
  if (tcp?.stranger !== undefined) {
    const { stranger } = tcp;
    const known = authd && stranger.service === 'tls' ? ({ service: 'authd' } as const) : stranger;
    return { kind: 'other-service', protocol: 'tcp', ...known };
  }
  return udp?.stranger === undefined ? undefined : { kind: 'other-service', protocol: 'udp', ...udp.stranger };
}
