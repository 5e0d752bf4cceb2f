import { isUtf8 } from 'node:buffer';

/** How a text is written. `none`: no byte order mark says so, which is UTF-8 unless the bytes say otherwise. */
export type ByteOrderMark = 'none' | 'utf-8' | 'utf-16le' | 'utf-16be';

/**
 * Why bytes are no text: `utf-8` they have no mark and are not UTF-8 (an editor's "ANSI"), or not in spite of theirs;
 * `utf-16` they have its mark and are not; `nul` they hold NUL bytes, as UTF-16 without its mark does.
 */
export type TextFault = 'utf-8' | 'utf-16' | 'nul';

/** The outcome of {@link decodeText}. `line`: where the fault is, from 1. */
export type DecodedText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: TextFault; readonly line: number };

/** The byte order mark that bytes begin with, and how many bytes it has. */
export function byteOrderMark(bytes: Uint8Array): { readonly mark: ByteOrderMark; readonly length: 0 | 2 | 3 } {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return { mark: 'utf-8', length: 3 };
  if (first === 0xff && second === 0xfe) return { mark: 'utf-16le', length: 2 };
  if (first === 0xfe && second === 0xff) return { mark: 'utf-16be', length: 2 };
  return { mark: 'none', length: 0 };
}

/**
 * The text of a file that people write: UTF-8, with or without the mark that Windows programs put before it, or UTF-16
 * with its mark (PowerShell's Out-File). The mark is no part of the text. What is neither is refused, and no character
 * is replaced by another.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
  const { mark, length } = byteOrderMark(bytes);
  const rest = bytes.subarray(length);
  const wide = mark === 'utf-16le' || mark === 'utf-16be';
  const text = wide ? fromUtf16(rest, mark) : Buffer.from(rest).toString('utf8');
  const nul = text.indexOf('\0');
  if (nul >= 0) return { ok: false, fault: 'nul', line: linesIn(text.slice(0, nul)) };
  if (wide) {
    const lone = text.search(LONE_SURROGATE);
    if (lone >= 0) return { ok: false, fault: 'utf-16', line: linesIn(text.slice(0, lone)) };
    return rest.length % 2 === 0 ? { ok: true, text } : { ok: false, fault: 'utf-16', line: linesIn(text) };
  }
  return isUtf8(rest) ? { ok: true, text } : { ok: false, fault: 'utf-8', line: firstBadLine(rest) };
}

const FAULTS: Readonly<Record<TextFault, string>> = {
  'utf-8': 'it is not UTF-8',
  'utf-16': 'it begins as UTF-16 does and is not',
  nul: 'it holds a NUL byte, as UTF-16 without a byte order mark does',
};

/** The user's words for why bytes are no text: "it is not UTF-8 (line 3)". */
export function textFaultInWords({ fault, line }: Extract<DecodedText, { ok: false }>): string {
  return `${FAULTS[fault]} (line ${line})`;
}

/** A code unit of UTF-16 that is half a character. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** UTF-16 in either order, without its mark, as it stands: an odd byte at the end is dropped. */
export function fromUtf16(bytes: Uint8Array, order: 'utf-16le' | 'utf-16be'): string {
  const even = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
  return (order === 'utf-16be' ? even.swap16() : even).toString('utf16le');
}

/** Whether no character of a text is half of one. */
export function isWholeText(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

function linesIn(text: string): number {
  return text.split('\n').length;
}

// No character of UTF-8 but the line feed has its byte, so each line is UTF-8 by itself or is not.
function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; ; line += 1) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
