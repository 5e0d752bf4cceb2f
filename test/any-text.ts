import fc from 'fast-check';

/** Any character of Unicode. fast-check's own unit `binary` makes a table of all of them first, which takes a second. */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff })
  .filter((point) => point < 0xd800 || point > 0xdfff)
  .map((point) => String.fromCodePoint(point));
