import ipaddr from 'ipaddr.js';
import type { AgentRecord } from '../../model/agent-record.js';

/**
 * In words, that the record is for another address than the one from which this host speaks. `undefined`: it fits, or
 * nothing is known.
 */
export function addressMismatch({ ip }: AgentRecord, localAddress: string | undefined): string | undefined {
  if (localAddress === undefined || isFor(ip, localAddress)) return undefined;
  return `The record is for ${ip}, and this host speaks to the manager from ${localAddress}.`;
}

function isFor(recordIp: string, localAddress: string): boolean {
  const text = localAddress.replace(/%.*$/, '');
  if (recordIp === 'any' || !ipaddr.isValid(text)) return true;
  const local = ipaddr.parse(text);
  const [address = '', mask] = recordIp.split('/');
  if (!ipaddr.isValid(address)) return true;
  const range = ipaddr.parse(address);
  const bits = mask === undefined ? (range.kind() === 'ipv4' ? 32 : 128) : bitsOf(mask);
  return bits === undefined || (range.kind() === local.kind() && local.match(range, bits));
}

function bitsOf(mask: string): number | undefined {
  if (/^\d{1,3}$/.test(mask)) return Number(mask) <= 128 ? Number(mask) : undefined;
  if (!ipaddr.IPv4.isValid(mask)) return undefined;
  return ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() ?? undefined;
}
