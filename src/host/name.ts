import { createHash } from 'node:crypto';
import { EnrollError } from '../errors.js';
import { isAgentName, LONGEST_NAME } from '../model/agent-record.js';
import type { HostName } from '../model/host.js';
import { printable } from '../model/printable.js';

const HASH_DIGITS = 8;

// Names that a system has before anybody named it: thousands of hosts share each of them.
const NOBODYS_NAMES = [
  /^localhost(?:[0-9]+|-live)?(?:\..*)?$/i,
  /^ip6-(?:localhost|loopback)$/i,
  /^(?:loopback|broadcasthost|localdomain[46]?|local|none|\(none\)|unknown)$/i,
  /^127(?:\.[0-9]+){3}$/,
];

/**
 * The host's own name, made valid for a manager: 2 to 128 of `[A-Za-z0-9._-]`, no leading dot (authd; the dot since
 * Wazuh 4.14.6). What is not allowed is replaced by `-`, never dropped, so that `büro` does not become `bro`; what is
 * too long ends in a short hash of the whole name, so that two long names do not become one.
 *
 * @throws EnrollError `NAME_UNUSABLE`, for a name that tells no host from another (`localhost`, nothing, one letter)
 */
export function agentName(hostname: string): HostName {
  const own = hostname.normalize('NFC');
  if (own === '') throw new EnrollError('NAME_UNUSABLE', 'This host has no name.');
  if (isNobodysName(own)) {
    throw new EnrollError('NAME_UNUSABLE', `This host is called ${printable(own)}, as are too many others.`);
  }
  const replaced = validCharacters(own);
  const name = replaced.length > LONGEST_NAME ? shortenName(replaced, own) : replaced;
  if (!isAgentName(name)) {
    throw new EnrollError('NAME_UNUSABLE', `The name of this host, ${printable(own)}, is too short for an agent.`);
  }
  if (!/[A-Za-z0-9]/.test(name)) {
    throw new EnrollError(
      'NAME_UNUSABLE',
      `The name of this host, ${printable(own)}, has no character that a manager allows in a name.`,
    );
  }
  return name === hostname ? { name } : { name, changedFrom: hostname };
}

/** Whether a system has this name before anybody named it (`localhost`), so that it tells no host from another. */
export function isNobodysName(name: string): boolean {
  return NOBODYS_NAMES.some((pattern) => pattern.test(name));
}

/** The text with `-` for each character that no agent name may have, and for the dots at its beginning. */
export function validCharacters(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/gu, '-').replace(/^\.+/, (dots) => '-'.repeat(dots.length));
}

/** A name cut to fit, ending in a short hash of `own`, the whole of it. */
export function shortenName(name: string, own: string): string {
  const hash = createHash('sha256').update(own).digest('hex').slice(0, HASH_DIGITS);
  return `${name.slice(0, LONGEST_NAME - HASH_DIGITS - 1)}-${hash}`;
}

/**
 * Checks a name that the user chose; it is never changed.
 *
 * @throws EnrollError `NAME_UNUSABLE`, saying which character at which place is wrong
 */
export function checkAgentName(name: string): HostName {
  if (isAgentName(name)) return { name };
  throw new EnrollError('NAME_UNUSABLE', `The agent name ${quoted(name)} cannot be used: ${nameFault(name)}.`, {
    hint: "A manager takes 2 to 128 of the letters A to Z, digits, '.', '_' and '-', and no leading dot. Choose another --name.",
  });
}

function nameFault(name: string): string {
  if (name === '') return 'it is empty';
  if (name.startsWith('.')) return 'it begins with a dot';
  const at = [...name].findIndex((character) => !/^[A-Za-z0-9._-]$/.test(character));
  if (at >= 0) return `character ${at + 1} is ${describeCharacter([...name][at] ?? '')}`;
  return `it has ${name.length} character${name.length === 1 ? '' : 's'}`;
}

/** One character in words: `a space`, `"é" (U+00E9)`. */
export function describeCharacter(character: string): string {
  if (character === ' ') return 'a space';
  const point = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /[\p{C}\p{Z}]/u.test(character) ? `U+${point}` : `"${character}" (U+${point})`;
}

function quoted(name: string): string {
  return `"${printable(name)}"`;
}
