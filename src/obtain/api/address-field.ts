import ipaddr from 'ipaddr.js';
import { EnrollError } from '../../errors.js';
import { isRecordAddress } from '../../model/agent-record.js';
import type { RegisterIp } from '../../model/register-address.js';
import { type ApiInfo, isAtLeast } from './api-version.js';

/** The address of an agent as it goes to an API. */
export interface SentAddress {
  /** The field `ip`; `undefined`: left out, which 3.x takes for the address that it sees. */
  readonly ip: string | undefined;
  /** What the key that comes back must be for. */
  readonly asked: RegisterIp;
  readonly warnings: readonly string[];
}

/**
 * Makes of the address that is asked for what this version of the API takes, or refuses it before anything is sent.
 *
 * - `any` is always sent, and in lower case: left out, 3.x takes the address of the connection; `ANY` is stored as it is
 *   by 4.x, whose key loader then exits.
 * - An IPv6 address is refused for 3.x (error 606) and for 4.0 to 4.3, whose authd exits on one.
 * - A range: host bits are cleared (4.14 answers 1706 to them), a netmask is written as `/bits`, a range of one address
 *   as that address; 4.0 to 4.8 take none.
 *
 * @throws EnrollError `IP_REFUSED`
 */
export function addressFor(asked: RegisterIp, info: ApiInfo): SentAddress {
  if (asked.kind === 'any') return { ip: 'any', asked, warnings: [] };
  if (asked.kind === 'source') {
    if (info.major <= 3) return { ip: undefined, asked, warnings: [] };
    return {
      ip: 'any',
      asked: { kind: 'any' },
      warnings: [
        `The API of ${info.text} cannot register the address that it sees (--ip source), so 'any' was registered. Give the address with --ip ADDRESS, or enroll with authd.`,
      ],
    };
  }
  if (asked.address.toLowerCase() === 'any') return { ip: 'any', asked: { kind: 'any' }, warnings: [] };
  if (!isRecordAddress(asked.address)) {
    throw new EnrollError('IP_REFUSED', `${JSON.stringify(asked.address)} is no address for an agent.`);
  }
  const { ip, v6, range } = canonical(asked.address);
  if (v6 && !isAtLeast(info, 4, 4)) {
    throw new EnrollError(
      'IP_REFUSED',
      `The manager (API ${info.text}) cannot register the IPv6 address ${ip}; 4.4 and later can. Nothing was sent.`,
      { hint: 'Use --ip any, or an IPv4 address by which the manager sees this host.' },
    );
  }
  if (range && info.major === 4 && !isAtLeast(info, 4, 9)) {
    throw new EnrollError(
      'IP_REFUSED',
      `The API of ${info.text} takes no address range such as ${ip}; 4.9 and later do. Nothing was sent.`,
      { hint: 'Use --ip any, a single address, or enroll with authd, which takes ranges.' },
    );
  }
  return { ip, asked: { kind: 'address', address: ip }, warnings: [] };
}

function canonical(address: string): { ip: string; v6: boolean; range: boolean } {
  const [host = '', mask] = address.split('/');
  const parsed = ipaddr.parse(host);
  const v6 = parsed.kind() === 'ipv6';
  const whole = v6 ? 128 : 32;
  const bits = mask === undefined ? whole : prefix(mask);
  if (bits === whole) return { ip: host, v6, range: false };
  const network = v6
    ? ipaddr.IPv6.networkAddressFromCIDR(`${host}/${bits}`)
    : ipaddr.IPv4.networkAddressFromCIDR(`${host}/${bits}`);
  return { ip: `${network.toString()}/${bits}`, v6, range: true };
}

function prefix(mask: string): number {
  return /^\d+$/.test(mask) ? Number(mask) : (ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() ?? 32);
}

/** The address as a manager stores it: IPv6 written out in upper case (4.14), everything else as it was sent. */
export function storedForm(ip: string): string {
  const [host = '', mask] = ip.split('/');
  if (!host.includes(':')) return ip;
  const long = ipaddr.IPv6.parse(host)
    .parts.map((part) => part.toString(16).toUpperCase().padStart(4, '0'))
    .join(':');
  return mask === undefined ? long : `${long}/${mask}`;
}
