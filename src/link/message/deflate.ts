import { deflateInit2, deflateReset, deflate as write } from 'pako/lib/zlib/deflate.js';
import ZStream from 'pako/lib/zlib/zstream.js';

// As the managers call it. The numbers are zlib's.
const BEST = 9;
const DEFLATED = 8;
const WINDOW_BITS = 15;
const DEFAULT_STRATEGY = 0;
const FINISH = 4;
const STREAM_END = 1;

const MEMORY_MIN = 1;
const MEMORY_DEFAULT = 8;
/** Header, checksum, and the heads of blocks that cannot be compressed, for as much as a message can hold. */
const OVERHEAD = 64;

/** By the memory they take. Filled by use, for making one costs more than most messages do. */
const streams = new Map<number, ZStream>();

/**
 * zlib data at level 9, bit for bit as the managers' zlib makes it: Node's own is a fork that compresses to other bytes.
 * @param bytes at most as many as a message holds
 */
export function deflate(bytes: Uint8Array): Uint8Array {
  const stream = streamFor(bytes.length);
  stream.input = bytes;
  stream.next_in = 0;
  stream.avail_in = bytes.length;
  const output = new Uint8Array(bytes.length + OVERHEAD);
  stream.output = output;
  stream.next_out = 0;
  stream.avail_out = output.length;
  if (write(stream, FINISH) !== STREAM_END) throw new Error('The message did not become zlib data.');
  return output.subarray(0, stream.next_out);
}

/** A stream as new. */
function streamFor(length: number): ZStream {
  const memory = memoryFor(length);
  const used = streams.get(memory);
  if (used !== undefined) {
    deflateReset(used);
    return used;
  }
  const made = new ZStream();
  deflateInit2(made, BEST, DEFLATED, WINDOW_BITS, memory, DEFAULT_STRATEGY, true);
  streams.set(memory, made);
  return made;
}

/**
 * How much memory gives the same bytes as the default, which is cleared for each message: what a block has room for,
 * 2 ^ (memory + 6) symbols, has to be more than there are bytes. Above a KiB the default stays, for there chains of matches
 * may get as long as they are followed, and are longer where less memory is shared.
 */
function memoryFor(length: number): number {
  for (let memory = MEMORY_MIN; memory < 5; memory += 1) if (length < 2 ** (memory + 6) - 1) return memory;
  return MEMORY_DEFAULT;
}
