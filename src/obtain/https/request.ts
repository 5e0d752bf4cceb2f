import ipaddr from 'ipaddr.js';
import { EnrollError } from '../../errors.js';
import { isAgentName, isRecordAddress } from '../../model/agent-record.js';
import { printable } from '../../model/printable.js';
import type { RegisterIp } from '../../model/register-address.js';
import { checkGroupNames } from '../group-names.js';
import type { KeyRequest } from '../key-source.js';

/** The body of `POST /enroll`. */
export type EnrollBody = Readonly<Record<'name' | 'version' | 'ip', string>> & { readonly groups?: string };

/** The version that is told: a manager refuses one that is newer than its own, and writes down what it is told. */
export const AGENT_VERSION = 'v5.0.0';

/** A manager reads no more, in bytes. */
const BODY_LIMIT = 16 * 1024;

/**
 * The request for a key. No hash of the present key is ever in it: a manager refuses the name of an agent whose hash
 * fits. The address is always said, `any` too, so that the record is what was chosen here.
 *
 * @throws EnrollError `NAME_UNUSABLE`, `GROUP_REFUSED` or `SETTING_INVALID` for what a manager would refuse
 */
export function enrollBody({ name, ip, groups }: KeyRequest): EnrollBody {
  if (!isAgentName(name)) {
    throw new EnrollError('NAME_UNUSABLE', `No manager takes ${printable(name)} as the name of an agent.`, {
      hint: "Give a name of 2 to 128 letters, digits, '.', '_' and '-', without a leading '.', with --name.",
    });
  }
  checkGroupNames(groups);
  const body = {
    name,
    version: AGENT_VERSION,
    ...(groups.length === 0 ? {} : { groups: groups.join(',') }),
    ip: addressField(ip),
  };
  const bytes = Buffer.byteLength(JSON.stringify(body));
  if (bytes > BODY_LIMIT) {
    throw new EnrollError(
      'SETTING_INVALID',
      `The request would have ${bytes} bytes, and a manager reads ${BODY_LIMIT} at most.`,
      { hint: 'Name fewer groups, and assign the others on the manager afterwards.' },
    );
  }
  return body;
}

function addressField(ip: RegisterIp): string {
  if (ip.kind === 'any') return 'any';
  if (ip.kind === 'source') return 'src';
  if (ip.address === 'any' || !isRecordAddress(ip.address)) {
    throw new EnrollError('SETTING_INVALID', `${printable(ip.address)} is not an address or range of an agent.`, {
      hint: 'Use --ip ADDRESS, ADDRESS/BITS, any or source.',
    });
  }
  const [address = '', mask = ''] = ip.address.split('/');
  // A netmask is refused (5.0, August), and a prefix length is not.
  return mask.includes('.') ? `${address}/${ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask()}` : ip.address;
}
