import isUnicodeSupported from 'is-unicode-supported';

/** What stands before a line: that it went well, that it did not, that it deserves a look. */
export interface Marks {
  readonly done: string;
  readonly failed: string;
  readonly warning: string;
}

/**
 * The marks that a terminal has.
 *
 * @param unicode whether it has more than those of the old code pages, as the Windows console and the one of a Linux
 * kernel have not
 */
export function marks(unicode = isUnicodeSupported()): Marks {
  return unicode ? { done: '✔', failed: '✖', warning: '!' } : { done: '√', failed: '×', warning: '!' };
}
