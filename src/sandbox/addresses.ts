import ipaddr from 'ipaddr.js';
import type { ManagerFamily } from '../model/endpoint.js';

/** An address as authd answers with it, and as the manager's client.keys holds it. */
export interface RegisteredAddress {
  /** In the reply: netmasks as they were sent, IPv6 written out in upper case (authd, Wazuh 4.14). */
  readonly shown: string;
  /** In client.keys: a netmask as `/bits`. */
  readonly stored: string;
}

/**
 * What a Wazuh manager makes of the value of `IP:`; `undefined` where it answers "Invalid IP". A 3.x manager is taken
 * to know IPv4 alone.
 */
export function registeredAddress(text: string, family: ManagerFamily): RegisteredAddress | undefined {
  if (text === 'any') return { shown: text, stored: text };
  const [address = '', mask, ...rest] = text.split('/');
  if (rest.length > 0) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) {
    if (mask === undefined) return { shown: text, stored: text };
    const bits = maskBits(mask);
    return bits === undefined ? undefined : { shown: text, stored: `${address}/${bits}` };
  }
  if (family === 'wazuh-3' || !address.includes(':') || address.includes('%') || !ipaddr.IPv6.isValid(address)) {
    return undefined;
  }
  const expanded = expand(address);
  if (mask === undefined) return { shown: expanded, stored: expanded };
  if (!/^\d{1,3}$/.test(mask) || Number(mask) > 128) return undefined;
  return { shown: `${expanded}/${mask}`, stored: `${expanded}/${mask}` };
}

function expand(address: string): string {
  const groups = ipaddr.IPv6.parse(address).parts.map((part) => part.toString(16).padStart(4, '0'));
  return groups.join(':').toUpperCase();
}

function maskBits(mask: string): number | undefined {
  if (/^\d{1,2}$/.test(mask)) return Number(mask) <= 32 ? Number(mask) : undefined;
  if (!ipaddr.IPv4.isValidFourPartDecimal(mask)) return undefined;
  return ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() ?? undefined;
}

/** A socket's peer address as a manager writes it into a record: IPv6 written out in upper case. */
export function sourceAddress(remote: string): string {
  return remote.includes(':') ? expand(remote) : remote;
}

/** Whether a record with this address takes messages from `source` (as {@link sourceAddress} writes it). */
export function allowsSource(recordIp: string, source: string): boolean {
  if (recordIp === 'any') return true;
  if (!recordIp.includes('/')) return recordIp === source;
  const [range, bits] = ipaddr.parseCIDR(recordIp);
  const address = ipaddr.parse(source);
  return address.kind() === range.kind() && address.match([range, bits]);
}
