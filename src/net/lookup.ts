import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

/**
 * Finds the addresses of a host name, those to be tried first in front; an address is its own.
 * @throws the system's error, with a code such as `ENOTFOUND` or `EAI_AGAIN`
 */
export type Lookup = (host: string) => Promise<readonly LookupAddress[]>;

/** The system's own look-up (getaddrinfo), of the families that this host has an address of. */
export const systemLookup: Lookup = async (host) => {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  const { ADDRCONFIG, promises } = await import('node:dns');
  return await promises.lookup(host, { all: true, hints: process.platform === 'win32' ? 0 : ADDRCONFIG });
};

/** What a datagram socket looks names up with that is given addresses alone: Node then need not load what asks servers. */
export function addressAlone(
  address: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  queueMicrotask(() => done(null, address, isIP(address)));
}

/** For how long an answer is good, in milliseconds: a name that has moved is found before a wait for it is over. */
const KEPT_MS = 30_000;

/**
 * A look-up that asks about each name once, also where several ask at the same time. What it was told is good for half a
 * minute; a look-up that failed is made again by whoever asks next.
 *
 * @param now milliseconds on a clock that never goes back
 */
export function lookupOnce(lookup: Lookup, now: () => number): Lookup {
  const asked = new Map<string, { readonly atMs: number; readonly found: ReturnType<Lookup> }>();
  return (host) => {
    const before = asked.get(host);
    if (before !== undefined && now() - before.atMs < KEPT_MS) return before.found;
    const question = { atMs: now(), found: lookup(host) };
    asked.set(host, question);
    question.found.catch(() => {
      if (asked.get(host) === question) asked.delete(host);
    });
    return question.found;
  };
}
