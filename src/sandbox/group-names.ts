const GROUP_LIMIT = 128;
const NAME_LIMIT = 255;
const LIST_LIMIT = 65_535;
const PROHIBITED = `characters '\\/:*?"<>|,' are prohibited`;

/**
 * What authd says of the value of `G:` as it is written, in its own form and in the order in which it looks; `undefined`
 * where nothing is wrong with it (authd, Wazuh 4.14). Nearly always it quotes the whole list, or the first 255 of it.
 */
export function groupListFault(text: string): string | undefined {
  if (text === '') return 'Invalid group name: Empty Group';
  const names = text.split(',');
  if (names.length === 1 && text.length > NAME_LIMIT) return invalid(text, 'group is too large');
  if (names.length > 1 && text.length > LIST_LIMIT) return invalid(text, 'multigroup is too large');
  if (names.length > 1) {
    for (const name of names) {
      if (name.includes(' ')) return invalid(text, 'white spaces are not allowed');
      if (name.length > NAME_LIMIT) return invalid(name, 'group is too large');
    }
  }
  if (text.includes(',,')) return invalid(text, "consecutive ',' are not allowed");
  if (text === ',') return invalid(text, PROHIBITED);
  if (text.startsWith(',') || text.endsWith(',')) return invalid(text, "cannot start or end with ','");
  // The colon is among those that the text names, but not among those that it looks for (by its source).
  if (!/^[A-Za-z0-9.:;_\-=+!@(),]*$/.test(text)) return invalid(text, PROHIBITED);
  const dots = names.find((name) => name === '.' || name === '..');
  return dots === undefined ? undefined : `Invalid group name: ${dots}`;
}

/**
 * What authd says of the groups of a list without fault, once the rest of the request is right; `undefined` where every
 * one is there. A 3.13 manager gives the same text for a group that does not exist.
 */
export function missingGroupFault(text: string, existing: ReadonlySet<string>): string | undefined {
  for (const [at, name] of [...new Set(text.split(','))].entries()) {
    if (at >= GROUP_LIMIT) return `Maximum multigroup reached: Limit is ${GROUP_LIMIT}`;
    if (!existing.has(name)) return `Invalid group: ${name}`;
  }
  return undefined;
}

function invalid(text: string, why: string): string {
  return `Invalid group name: ${text.slice(0, NAME_LIMIT)}... ${why}`;
}
