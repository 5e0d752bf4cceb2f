import { ADDRCONFIG, type LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';

/**
 * Finds the addresses of a host name, those to be tried first in front; an address is its own.
 * @throws the system's error, with a code such as `ENOTFOUND` or `EAI_AGAIN`
 */
export type Lookup = (host: string) => Promise<readonly LookupAddress[]>;

/** The system's own look-up (getaddrinfo), of the families that this host has an address of. */
export const systemLookup: Lookup = (host) =>
  lookup(host, { all: true, hints: process.platform === 'win32' ? 0 : ADDRCONFIG });
