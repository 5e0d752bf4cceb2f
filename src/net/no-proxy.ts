import ipaddr from 'ipaddr.js';
import type { Endpoint } from '../model/endpoint.js';

/**
 * Whether an endpoint is one of those that `NO_PROXY` keeps from the proxy. The name is compared as it stands: it is
 * never resolved, so addresses and ranges match addresses only.
 *
 * - `*`: everything.
 * - `example.org`: that host and all below it. `.example.org` and `*.example.org`: only those below it.
 * - `192.0.2.7`, `2001:db8::1`, `[2001:db8::1]`: that address, however it is written. `10.0.0.0/8`: all in the range.
 * - any of them but a range followed by `:PORT`: that port alone.
 *
 * This is what Go's and curl's readers agree on; where they differ (curl takes `.example.org` for `example.org` too) it
 * is Go's. What is none of these matches nothing.
 *
 * @param entries the entries without blanks around them
 */
export function isExempt(endpoint: Endpoint, entries: readonly string[]): boolean {
  const host = plainHost(endpoint.host);
  const address = plainAddress(host);
  return entries.some((entry) => {
    if (entry === '*') return true;
    const range = rangeOf(entry);
    if (range !== undefined) return address?.kind() === range[0].kind() && address.match(range);
    const { name, port } = split(entry);
    if (port !== undefined && port !== String(endpoint.port)) return false;
    const exact = plainAddress(name);
    if (exact !== undefined) return address?.toNormalizedString() === exact.toNormalizedString();
    if (address !== undefined) return false;
    if (name.startsWith('.')) return name.length > 1 && host.endsWith(name);
    return name !== '' && (host === name || host.endsWith(`.${name}`));
  });
}

/** The entries of a `NO_PROXY`: separated by commas or blanks. */
export function noProxyEntries(text: string): string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== '');
}

/** Whether an endpoint is on this host: `localhost` and what is below it, 127.0.0.0/8, ::1. */
export function isLoopback(endpoint: Endpoint): boolean {
  const host = plainHost(endpoint.host);
  const address = plainAddress(host);
  if (address !== undefined) return address.range() === 'loopback';
  return host === 'localhost' || host.endsWith('.localhost');
}

function split(entry: string): { name: string; port?: string } {
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
  const name = plainHost(match?.[1] ?? entry).replace(/^\*(?=\.)/, '');
  return match?.[2] === undefined ? { name } : { name, port: String(Number(match[2])) };
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/(?<=.)\.$/, '');
}

function plainAddress(host: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const isAddress = host.includes(':') ? ipaddr.IPv6.isValid(host) : ipaddr.IPv4.isValidFourPartDecimal(host);
  return isAddress ? ipaddr.process(host) : undefined;
}

function rangeOf(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  return entry.includes('/') && ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : undefined;
}
