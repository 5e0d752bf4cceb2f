import { byteOrderMark, fromUtf16, isWholeText } from './text-encoding.js';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The first line of a file that holds a password, without its line end of either kind and without a byte order mark.
 *
 * A password's bytes stay as they stand, UTF-8 or not: a manager compares bytes. Of a file with the mark of UTF-16 the
 * line is turned into UTF-8, which is what the same password is on the manager; if it is no UTF-16 after all, the bytes
 * are given as they stand, the mark with them.
 */
export function firstLine(bytes: Uint8Array): Uint8Array {
  const { mark, length } = byteOrderMark(bytes);
  if (mark === 'utf-16le' || mark === 'utf-16be') {
    const rest = bytes.subarray(length);
    const line = rest.subarray(0, endOfUtf16Line(rest, mark));
    const text = fromUtf16(line, mark);
    if (line.length % 2 === 0 && isWholeText(text)) return Buffer.from(text.replace(/\r$/, ''), 'utf8');
  }
  return firstOf(mark === 'utf-8' ? bytes.subarray(length) : bytes);
}

function firstOf(bytes: Uint8Array): Uint8Array {
  const feed = bytes.indexOf(LINE_FEED);
  const line = feed < 0 ? bytes : bytes.subarray(0, feed);
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

function endOfUtf16Line(bytes: Uint8Array, order: 'utf-16le' | 'utf-16be'): number {
  const [high, low] = order === 'utf-16le' ? [1, 0] : [0, 1];
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    if (bytes[at + low] === LINE_FEED && bytes[at + high] === 0) return at;
  }
  return bytes.length;
}
