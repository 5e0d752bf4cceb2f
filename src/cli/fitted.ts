import stringWidth from 'string-width';

const CUT = '…';

/**
 * A text, and what follows it, on no more than so many columns of a terminal: the text is cut where both do not fit, for
 * what follows is what changes.
 */
export function fitted(text: string, end: string, columns: number): string {
  const behind = end === '' ? '' : ` ${end}`;
  const space = columns - stringWidth(behind);
  if (stringWidth(text) <= space) return `${text}${behind}`;
  let kept = '';
  let width = stringWidth(CUT);
  for (const character of text) {
    width += stringWidth(character);
    if (width > space) break;
    kept += character;
  }
  return `${kept.trimEnd()}${CUT}${behind}`;
}
