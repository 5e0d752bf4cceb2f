import ipaddr from 'ipaddr.js';
import { EnrollError } from '../../errors.js';
import { isAgentName, isRecordAddress, keyHash } from '../../model/agent-record.js';
import { printable } from '../../model/printable.js';
import type { RegisterIp } from '../../model/register-address.js';
import type { Secret } from '../../model/secret.js';
import type { KeyRequest } from '../key-source.js';

/** One TLS record: a manager that reads once sees nothing beyond it. */
const RECORD_BYTES = 16_384;
const GROUP_BYTES = 255;
const GROUP_COUNT = 128;

/**
 * The request as authd reads it, a line of at most 16384 bytes, in which the password's stand as they are:
 * `[OSSEC PASS: <password> ]OSSEC A:'<name>'[ G:'g1,g2'][ IP:'src|any|address'][ K:'<sha1>']\n`.
 *
 * The order of the fields is fixed; authd ignores one that is out of order, with all that follows it (Wazuh 4.14).
 * `V:` is never sent: a manager older than 4.6 drops group and address silently when it reads one. An address that
 * was chosen is said, `any` too, so that the record is that one and not what use_source_ip says on the manager; where
 * nobody chose, that is the manager's to say.
 * OSSEC reads no further than the name.
 *
 * @throws EnrollError `NAME_UNUSABLE` or `SETTING_INVALID` for what a manager would refuse or misread
 */
export function formatRequest(request: KeyRequest, password?: Secret<Uint8Array>): Uint8Array {
  if (!isAgentName(request.name)) {
    throw new EnrollError('NAME_UNUSABLE', `No manager takes ${printable(request.name)} as the name of an agent.`, {
      hint: "Give a name of 2 to 128 letters, digits, '.', '_' and '-', without a leading '.', with --name.",
    });
  }
  const fields = [
    `OSSEC A:'${request.name}'`,
    ...groupField(request.groups),
    ...(request.ip.kind === 'any' && request.ip.unasked ? [] : [`IP:'${address(request.ip)}'`]),
    ...(request.present === undefined ? [] : [`K:'${keyHash(request.present)}'`]),
  ];
  const line = Buffer.concat([passwordPart(password), Buffer.from(`${fields.join(' ')}\n`, 'utf8')]);
  if (line.length > RECORD_BYTES) {
    throw new EnrollError(
      'SETTING_INVALID',
      `The request would have ${line.length} bytes, and a manager reads ${RECORD_BYTES} at most.`,
      { hint: 'Name fewer groups, and assign the others on the manager afterwards.' },
    );
  }
  return line;
}

// The password stands between two fixed words, unquoted. A line end would end the request, and a password that holds
// the words that follow it would be read as another password and another name.
function passwordPart(password: Secret<Uint8Array> | undefined): Uint8Array {
  if (password === undefined) return Buffer.alloc(0);
  checkPassword(password);
  return Buffer.concat([Buffer.from('OSSEC PASS: ', 'utf8'), password.reveal(), Buffer.from(' ', 'utf8')]);
}

/**
 * Checks that a password can be sent.
 * @throws EnrollError `SETTING_INVALID`, without the password
 */
export function checkPassword(password: Secret<Uint8Array>): void {
  const bytes = Buffer.from(password.reveal());
  const wrong = (why: string) =>
    new EnrollError('SETTING_INVALID', `The enrollment password ${why}, so it cannot be sent to a manager.`, {
      hint: 'Use the first line of etc/authd.pass on the manager, without its line end.',
    });
  if (bytes.length === 0) throw wrong('is empty');
  // Those of ASCII: what a byte beyond it means is the manager's to say.
  if (bytes.some((byte) => byte < 0x20 || byte === 0x7f)) throw wrong('holds a line end or another control character');
  if (bytes.includes(" OSSEC A:'")) throw wrong("holds the text OSSEC A:'");
}

function groupField(groups: readonly string[]): string[] {
  if (groups.length === 0) return [];
  checkGroups(groups);
  return [`G:'${groups.join(',')}'`];
}

/**
 * Checks names of groups as far as a manager would refuse or misread them, whichever groups it has.
 * @throws EnrollError `SETTING_INVALID`
 */
export function checkGroups(groups: readonly string[]): void {
  if (groups.length > GROUP_COUNT) {
    throw new EnrollError('SETTING_INVALID', `${groups.length} groups are named; a manager takes ${GROUP_COUNT}.`, {
      hint: 'Name fewer groups with --groups.',
    });
  }
  for (const group of groups) {
    const fault = groupFault(group);
    if (fault !== undefined) {
      throw new EnrollError('SETTING_INVALID', `The group name "${printable(group)}" ${fault}.`, {
        hint: 'Correct --groups: names separated by single commas.',
      });
    }
  }
}

function groupFault(group: string): string | undefined {
  if (group === '') return 'is empty';
  if (group === '.' || group === '..') return 'is that of a directory';
  if (Buffer.byteLength(group) > GROUP_BYTES) return `is longer than ${GROUP_BYTES} bytes`;
  // The quote is no rule of the manager's for groups: it would end the field, and "we'b" be taken for "we" (4.14).
  if (/[\s\p{Cc}\\/:*?"<>|,']/u.test(group)) return 'holds a space or one of \\ / : * ? " \' < > | ,';
  return undefined;
}

function address(ip: RegisterIp): string {
  if (ip.kind === 'any') return 'any';
  if (ip.kind === 'source') return 'src';
  if (ip.address === 'any' || !isRecordAddress(ip.address)) {
    throw new EnrollError('SETTING_INVALID', `${printable(ip.address)} is not an address or range of an agent.`, {
      hint: 'Use --ip ADDRESS, ADDRESS/BITS, any or source.',
    });
  }
  return ip.address.includes(':') ? expanded(ip.address) : ip.address;
}

// wazuh-authd 4.3 refuses an IPv6 address in its short form; 4.14 takes both and stores the long one.
function expanded(address: string): string {
  const [base = '', bits] = address.split('/');
  const digits = Buffer.from(ipaddr.IPv6.parse(base).toByteArray()).toString('hex').toUpperCase();
  const long = digits.replace(/.{4}(?=.)/g, '$&:');
  return bits === undefined ? long : `${long}/${bits}`;
}
