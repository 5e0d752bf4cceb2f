import { networkInterfaces } from 'node:os';
import { EnrollError } from '../errors.js';
import { isLinkLocal } from '../model/zone.js';

/** A network interface of this host, by the name and by the number of the system. */
export interface NetworkInterface {
  readonly name: string;
  readonly index: number;
}

/** The interfaces that have a link-local address. */
export function linkInterfaces(): readonly NetworkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const own = addresses.find((each) => each.family === 'IPv6' && each.scopeid !== 0);
    return own?.family === 'IPv6' ? [{ name, index: own.scopeid }] : [];
  });
}

/**
 * An address as a socket of this system takes it: the zone of an IPv6 address is the name of an interface, and its number
 * on Windows, whichever of the two was given.
 *
 * @throws EnrollError `CONNECTION_FAILED` for a link-local address without a zone, or with one that this host has not
 */
export function socketAddress(
  address: string,
  interfaces: () => readonly NetworkInterface[] = linkInterfaces,
  platform: NodeJS.Platform = process.platform,
): string {
  const [bare = '', zone] = address.split('%');
  if (!isLinkLocal(bare)) return address;
  const there = interfaces();
  const found = there.find(({ name, index }) => name === zone || String(index) === zone);
  if (found !== undefined) return `${bare}%${platform === 'win32' ? found.index : found.name}`;
  const what =
    zone === undefined
      ? `${bare} is a link-local address, and the interface that it is reached by is not named`
      : `${bare} is a link-local address, and this host has no interface ${zone} with such an address`;
  const known = there.map(({ name, index }) => `${name} (${index})`).join(', ');
  throw new EnrollError('CONNECTION_FAILED', `${what}.`, {
    hint: `Name it with the address: ${bare}%INTERFACE. This host has ${known === '' ? 'none' : known}.`,
  });
}

/** The number of the interface in a host's zone, as `<interface_index>` of ossec.conf has it; absent: not known. */
export function zoneIndex(
  host: string,
  interfaces: () => readonly NetworkInterface[] = linkInterfaces,
): number | undefined {
  const [, zone] = host.split('%');
  if (zone === undefined || /^[1-9]\d{0,8}$/.test(zone)) return zone === undefined ? undefined : Number(zone);
  return interfaces().find(({ name }) => name === zone)?.index;
}
