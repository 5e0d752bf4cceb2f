import ipaddr from 'ipaddr.js';
import type { ManagerFamily } from './endpoint.js';

/** Which address the manager is asked to write into the agent's record. */
export type RegisterIp =
  /** `unasked`: nobody asked for it, so where a manager writes the address that it sees of itself, that holds. */
  | { readonly kind: 'any'; readonly unasked?: true }
  /** The address that the manager sees the request come from. */
  | { readonly kind: 'source' }
  /** An address, or a range as `address/bits` or `address/netmask`. */
  | { readonly kind: 'address'; readonly address: string };

/** Whether the address of an issued record is one that the request allows; `warning` where it is, but is another. */
export type AddressFit =
  | { readonly ok: true; readonly warning?: string }
  | { readonly ok: false; readonly fault: string };

/**
 * Compares the address that was asked for with the one in the record, by value: IPv6 comes back written out in upper
 * case, a netmask as it was sent or as `/bits` (wazuh-authd 4.14).
 *
 * ossec-authd does not read the address in a request. It writes `any`, or with `-i` the address that it sees: both are
 * accepted and told, since the manager's choice is visible and the agent works with it. From a Wazuh manager another
 * address or range than the one asked for is not accepted.
 *
 * @param granted valid as the address of a record, see `isRecordAddress`
 */
export function fitAddress(asked: RegisterIp, granted: string, family?: ManagerFamily): AddressFit {
  switch (asked.kind) {
    case 'any':
      if (granted === 'any') return { ok: true };
      if (!isSingle(granted)) return unasked(granted, 'any');
      if (asked.unasked) return { ok: true };
      return {
        ok: true,
        warning: `The manager bound this agent to the address that it sees, ${granted}, although any was asked for.`,
      };
    case 'source':
      if (granted === 'any') {
        return { ok: true, warning: "The manager did not bind this agent to its address: it registered 'any'." };
      }
      return isSingle(granted) ? { ok: true } : unasked(granted, 'the single address that the manager sees');
    case 'address':
      if (granted === 'any') {
        return { ok: true, warning: `The manager did not take the address ${asked.address}: it registered 'any'.` };
      }
      if (sameRange(asked.address, granted)) return { ok: true };
      // With -i ossec-authd binds the agent to the address that it sees, whatever was asked for (OSSEC 4.3).
      if (family !== 'ossec' || !isSingle(granted)) return unasked(granted, asked.address);
      return {
        ok: true,
        warning: `The manager bound this agent to the address that it sees, ${granted}, and not to ${asked.address}.`,
      };
  }
}

function unasked(granted: string, asked: string): AddressFit {
  return { ok: false, fault: `it is for the address ${granted} and not for ${asked}` };
}

function isSingle(address: string): boolean {
  const range = parse(address);
  return range !== undefined && range.bits === range.bytes.length * 8;
}

function sameRange(a: string, b: string): boolean {
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined || left.bits !== right.bits) return false;
  if (left.bytes.length !== right.bytes.length) return false;
  // Bits beyond the mask belong to the host: 192.168.0.1/24 and 192.168.0.0/24 are one range.
  return left.bytes.every((byte, index) => {
    const mask = 0xff & ~(0xff >> Math.min(8, Math.max(0, left.bits - index * 8)));
    return (byte & mask) === ((right.bytes[index] ?? 0) & mask);
  });
}

function parse(text: string): { bytes: number[]; bits: number } | undefined {
  const [address = '', mask] = text.split('/');
  if (!ipaddr.isValid(address)) return undefined;
  const bytes = ipaddr.parse(address).toByteArray();
  if (mask === undefined) return { bytes, bits: bytes.length * 8 };
  if (/^\d+$/.test(mask)) return { bytes, bits: Number(mask) };
  const bits = ipaddr.IPv4.isValid(mask) ? ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() : null;
  return bits === null ? undefined : { bytes, bits };
}
