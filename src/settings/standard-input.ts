import type { Readable } from 'node:stream';
import { abortReason } from '../errors.js';
import { unreadable } from '../files/file-error.js';
import { byteOrderMark } from '../model/text-encoding.js';

/** How much of a stream is read. */
export interface StreamRules {
  /** The most bytes. */
  readonly limit: number;
  /** `line`: what came with the first line is given as soon as the line has its end. */
  readonly until: 'line' | 'end';
  readonly signal: AbortSignal;
}

/**
 * Reads standard input, or a stream like it, and closes it.
 * @throws EnrollError `FILE_UNREADABLE`, the reason of the signal
 */
export function readStream(input: Readable, { limit, until, signal }: StreamRules): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let read: Buffer = Buffer.alloc(0);
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (end: () => void) => {
      input.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError);
      signal.removeEventListener('abort', onAbort);
      // What it still says about its end concerns nobody; without a listener it would end the program.
      input.on('error', () => {});
      input.destroy();
      end();
    };
    const all = () => (until === 'line' ? read : Buffer.concat(chunks)).subarray(0, limit);
    const onEnd = () => finish(() => resolve(all()));
    const onError = (error: Error) => finish(() => reject(unreadable('standard input', error)));
    const onAbort = () => finish(() => reject(abortReason(signal)));
    const onData = (chunk: Buffer | string) => {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      if (until === 'line') read = Buffer.concat([read, bytes]);
      else chunks.push(bytes);
      if (length >= limit || (until === 'line' && hasLineEnd(read))) onEnd();
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    input.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError);
  });
}

/** Whether bytes, which may be in UTF-16, hold a whole line. */
function hasLineEnd(bytes: Buffer): boolean {
  const { mark, length } = byteOrderMark(bytes);
  if (mark === 'none' || mark === 'utf-8') return bytes.includes(0x0a);
  const end = mark === 'utf-16le' ? '\n\0' : '\0\n';
  for (let at = bytes.indexOf(end, length, 'latin1'); at >= 0; at = bytes.indexOf(end, at + 1, 'latin1')) {
    if (at % 2 === 0) return true;
  }
  return false;
}
