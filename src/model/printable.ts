const LIMIT = 300;

/**
 * Text that came from outside (a manager's reply, a file), fit to stand in a message: control characters, line ends
 * and direction marks become `?`, so that nobody's reply can move the cursor or forge a line, and what is longer than
 * 300 characters is cut.
 */
export function printable(text: string): string {
  const clean = text.replace(/\p{C}|\p{Zl}|\p{Zp}/gu, '?').trim();
  return clean.length > LIMIT ? `${clean.slice(0, LIMIT)}…` : clean;
}
