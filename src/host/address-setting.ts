import ipaddr from 'ipaddr.js';
import { EnrollError } from '../errors.js';
import { isRecordAddress } from '../model/agent-record.js';
import { printable } from '../model/printable.js';
import type { RegisterIp } from '../model/register-address.js';

/** What `--ip` asks for. */
export type IpSetting = { readonly kind: 'auto' } | RegisterIp;

/**
 * Reads the value of `--ip`: `auto`, `any`, `source` (or authd's `src`), an address, or a range as `address/bits` or
 * `address/netmask`. Host bits in a range are allowed, as in client.keys.
 *
 * @throws EnrollError `SETTING_INVALID`, saying what is wrong
 */
export function parseIpSetting(text: string): IpSetting {
  const word = text.trim();
  switch (word.toLowerCase()) {
    case 'auto':
      return { kind: 'auto' };
    case 'any':
      return { kind: 'any' };
    case 'source':
    case 'src':
      return { kind: 'source' };
  }
  const fault = addressFault(word);
  if (fault === undefined) return { kind: 'address', address: word };
  throw new EnrollError('SETTING_INVALID', `The address "${printable(word)}" cannot be registered: ${fault}.`, {
    hint: 'Give --ip auto, any, source, an address, or a range such as 192.168.0.0/24.',
  });
}

function addressFault(text: string): string | undefined {
  if (text === '') return 'it is empty';
  const [address = '', mask, ...rest] = text.split('/');
  if (rest.length > 0) return 'it has more than one "/"';
  if (address.includes('%')) return 'a zone ("%") holds on this host only';
  if (address.includes(':')) {
    if (!ipaddr.IPv6.isValid(address)) return 'it is no IPv6 address';
    const parsed = ipaddr.IPv6.parse(address);
    if (parsed.isIPv4MappedAddress()) return `write ${parsed.toIPv4Address().toString()} instead`;
    if (mask === undefined && parsed.range() === 'unspecified') return 'it is no address of a host; use any';
    return isRecordAddress(text) ? undefined : 'a prefix of IPv6 is a number from 0 to 128';
  }
  if (/^[0-9.]+$/.test(address) && address.split('.').length !== 4) return 'an IPv4 address has four numbers';
  if (/^[0-9.]+$/.test(address) && /(?:^|\.)0[0-9]/.test(address))
    return 'a number with a leading zero can mean two things';
  if (!ipaddr.IPv4.isValidFourPartDecimal(address)) return 'it is no IP address';
  if (mask === undefined && address === '0.0.0.0') return 'it is no address of a host; use any';
  return isRecordAddress(text) ? undefined : 'a range has a number from 0 to 32 or a netmask such as 255.255.255.0';
}
