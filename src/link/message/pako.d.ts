// What lies below pako's own interface, which makes a new state of 256 KiB for each call. The package exports these files.

declare module 'pako/lib/zlib/zstream.js' {
  /** zlib's `z_stream`. */
  export default class ZStream {
    input: Uint8Array | null;
    next_in: number;
    avail_in: number;
    output: Uint8Array | null;
    next_out: number;
    avail_out: number;
    /** What zlib keeps to itself; there once it is initialized. */
    readonly state: { head: Uint16Array };
  }
}

declare module 'pako/lib/zlib/deflate.js' {
  import type ZStream from 'pako/lib/zlib/zstream.js';

  /** As zlib's own; `legacyHash`: as zlib hashes, and not as Node's fork of it. */
  export function deflateInit2(
    stream: ZStream,
    level: number,
    method: number,
    windowBits: number,
    memLevel: number,
    strategy: number,
    legacyHash: boolean,
  ): number;
  export function deflateReset(stream: ZStream): number;
  export function deflate(stream: ZStream, flush: number): number;
}
