import { EnrollError } from '../errors.js';
import { isAgentName, LONGEST_NAME } from '../model/agent-record.js';
import type { HostName } from '../model/host.js';
import { printable } from '../model/printable.js';
import { checkAgentName, describeCharacter, isNobodysName, shortenName, validCharacters } from './name.js';

/** What can stand in braces in `--name`. */
export const PLACEHOLDERS = ['hostname', 'fqdn', 'machine-id', 'instance-id'] as const;

/** One of {@link PLACEHOLDERS}. */
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** What this host has for a placeholder: a value, or the places that were searched for it in vain. */
export type PlaceholderValue =
  | { readonly found: true; readonly value: string }
  | { readonly found: false; readonly lookedIn: string };

/** A piece of a pattern. */
export type NamePart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'placeholder'; readonly name: Placeholder };

const LIST = PLACEHOLDERS.map((name) => `{${name}}`).join(', ');
const HINT = `Use ${LIST}, and else only letters A to Z, digits, '.', '_' and '-'.`;

/** Whether a value of `--name` is a pattern rather than a name. No name has a brace in it. */
export function isNamePattern(text: string): boolean {
  return /[{}]/.test(text);
}

/**
 * Checks a value of `--name`, name or pattern, as far as that is possible without knowing the host.
 *
 * @throws EnrollError `NAME_UNUSABLE`, saying what is wrong
 */
export function checkNameSetting(text: string): void {
  if (isNamePattern(text)) parseNamePattern(text);
  else checkAgentName(text);
}

/**
 * The pieces of a pattern such as `{hostname}-{instance-id}`.
 *
 * @throws EnrollError `NAME_UNUSABLE` for an unknown placeholder, a brace without its other half, or a character that
 * no name may have
 */
export function parseNamePattern(pattern: string): readonly NamePart[] {
  const wrong = (what: string) =>
    new EnrollError('NAME_UNUSABLE', `The name pattern "${printable(pattern)}" cannot be used: ${what}.`, {
      hint: HINT,
    });
  if (pattern.startsWith('.')) throw wrong('it begins with a dot');
  const parts: NamePart[] = [];
  for (const piece of pattern.match(/\{[^{}]*\}|[{}]|[^{}]+/g) ?? []) {
    if (piece === '{') throw wrong('a "{" is never closed');
    if (piece === '}') throw wrong('a "}" closes nothing');
    if (piece.startsWith('{')) {
      const name = PLACEHOLDERS.find((known) => piece === `{${known}}`);
      if (name === undefined) throw wrong(`there is no ${printable(piece)}; there are ${LIST}`);
      parts.push({ kind: 'placeholder', name });
    } else {
      const [character] = piece.match(/[^A-Za-z0-9._-]/u) ?? [];
      if (character !== undefined) throw wrong(`${describeCharacter(character)} may not stand in a name`);
      parts.push({ kind: 'literal', text: piece });
    }
  }
  const literals = parts.reduce((length, part) => length + (part.kind === 'literal' ? part.text.length : 0), 0);
  if (literals >= LONGEST_NAME) throw wrong(`it is too long: a name has ${LONGEST_NAME} characters at most`);
  return parts;
}

/** The placeholders that a pattern uses. */
export function placeholdersIn(pattern: string): ReadonlySet<Placeholder> {
  return new Set(parseNamePattern(pattern).flatMap((part) => (part.kind === 'placeholder' ? [part.name] : [])));
}

/**
 * The name that a pattern means on one host. A value's characters that no name may have are replaced by `-`, never
 * dropped; a name that becomes longer than 128 ends in a short hash of the whole, the same every time.
 *
 * @throws EnrollError `NAME_UNUSABLE` also where the host has no value for a placeholder, or one that thousands share
 */
export function expandName(pattern: string, values: ReadonlyMap<Placeholder, PlaceholderValue>): HostName {
  const own = parseNamePattern(pattern)
    .map((part) => (part.kind === 'literal' ? part.text : valueFor(part.name, values)))
    .join('');
  const valid = validCharacters(own);
  const name = valid.length > LONGEST_NAME ? shortenName(valid, own) : valid;
  if (!isAgentName(name) || !/[A-Za-z0-9]/.test(name)) {
    throw new EnrollError(
      'NAME_UNUSABLE',
      `The name pattern "${printable(pattern)}" makes "${printable(own)}" on this host, which no manager takes.`,
    );
  }
  return name === own ? { name } : { name, changedFrom: own };
}

function valueFor(name: Placeholder, values: ReadonlyMap<Placeholder, PlaceholderValue>): string {
  const known = values.get(name);
  if (known === undefined || !known.found || known.value === '') {
    const where = known?.found === false ? known.lookedIn : 'this host';
    throw new EnrollError('NAME_UNUSABLE', `This host has no value for {${name}}. Looked in: ${where}.`, {
      hint: 'Choose another pattern for --name, or give the name itself.',
    });
  }
  const value = known.value.normalize('NFC');
  if ((name === 'hostname' || name === 'fqdn') && isNobodysName(value)) {
    throw new EnrollError(
      'NAME_UNUSABLE',
      `{${name}} is ${printable(value)} on this host, as on too many others to name it by.`,
    );
  }
  return value;
}
