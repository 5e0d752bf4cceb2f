const LIMIT = 300;

/** What can move a cursor, forge a line or turn the order of a text: controls (C0, C1, DEL), line ends, direction marks. */
const UNPRINTABLE = /\p{C}|\p{Zl}|\p{Zp}/gu;

/**
 * Text that came from outside (a manager's reply, a file), fit to stand in a message: control characters, line ends
 * and direction marks become `?`, so that nobody's reply can move the cursor or forge a line, and what is longer than
 * 300 characters is cut.
 */
export function printable(text: string): string {
  const clean = onOneLine(text).trim();
  return clean.length > LIMIT ? `${clean.slice(0, LIMIT)}…` : clean;
}

/** A text of any length as one line that steers no terminal: as {@link printable}, with nothing cut. */
export function onOneLine(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** A value as JSON on one line that steers no terminal: what could is escaped, so that it is still the same value. */
export function jsonLine(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(UNPRINTABLE, (character) => character.split('').map(escaped).join(''));
}
