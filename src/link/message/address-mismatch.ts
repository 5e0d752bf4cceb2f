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
  const text = localAddress.replace(/%.*/, '');
  if (!ipaddr.isValid(text)) return true;
  const local = ipaddr.parse(text);
  // Of an IPv4 address 128 bits are all that there are.
  const [address = '', mask = '128'] = recordIp.split('/');
  // `any` is no address.
  if (!ipaddr.isValid(address)) return true;
  const range = ipaddr.parse(address);
  const bits = bitsOf(mask);
  return bits === undefined || (range.kind() === local.kind() && local.match(range, bits));
}

function bitsOf(mask: string): number | undefined {
  if (/^\d{1,3}$/.test(mask)) return Number(mask) <= 128 ? Number(mask) : undefined;
  if (!ipaddr.IPv4.isValid(mask)) return undefined;
  return ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() ?? undefined;
}
