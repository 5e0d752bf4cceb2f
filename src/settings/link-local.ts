import type { ConfValue } from '../conf/ossec-conf.js';
import { isLinkLocal } from '../model/zone.js';
import type { Sourced } from './origin.js';
import type { Sources } from './sources.js';
import { parseSetting, refuse } from './values.js';

/**
 * A host with the interface that it is reached by, which a link-local address needs, and nothing else has.
 *
 * @param index the `<interface_index>` beside it in ossec.conf
 * @throws EnrollError `SETTING_INVALID` where none is named
 */
export function withInterface(
  { value: host, origin }: Sourced<string>,
  index: ConfValue | Sourced<string> | undefined,
  sources: Sources,
): string {
  if (!isLinkLocal(host) || host.includes('%')) return host;
  if (index !== undefined) {
    const placed = 'origin' in index ? index : sources.fromConf(index);
    const number = parseSetting(placed, parseIndex, 'the index of an interface (ip link shows it), a number from 1');
    return `${host}%${number.value}`;
  }
  throw refuse(
    origin,
    `${host} is a link-local address, which means nothing without the interface that it is reached by.`,
    `Write ${host}%INTERFACE (${host}%eth0; on Windows its number), or name its number in <interface_index> of ossec.conf.`,
  );
}

function parseIndex(text: string): number | undefined {
  return /^0*[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
