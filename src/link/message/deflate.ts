import { deflateInit2, deflateReset, deflate as write } from 'pako/lib/zlib/deflate.js';
import ZStream from 'pako/lib/zlib/zstream.js';

// As the managers call it. The numbers are zlib's.
const BEST = 9;
const DEFLATED = 8;
const WINDOW_BITS = 15;
const MEMORY = 8;
const DEFAULT_STRATEGY = 0;
const FINISH = 4;
const STREAM_END = 1;

/** Header, checksum, and the heads of blocks that cannot be compressed, of as much as a message can hold. */
const OVERHEAD = 64;
const NO_CHAINS = new Uint16Array(0);

/** One for all messages: to make its 256 KiB takes longer than most messages do. */
let stream: ZStream | undefined;

/**
 * zlib data at level 9, bit for bit as the managers' zlib makes it: Node's own is a fork that compresses to other bytes.
 * @param bytes at most as many as a message holds
 */
export function deflate(bytes: Uint8Array): Uint8Array {
  stream ??= newStream();
  clear(stream);
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

function newStream(): ZStream {
  const made = new ZStream();
  deflateInit2(made, BEST, DEFLATED, WINDOW_BITS, MEMORY, DEFAULT_STRATEGY, true);
  return made;
}

function clear(used: ZStream): void {
  // The reset clears the heads of the hash chains one by one, which is most of the work for a short message.
  const { state } = used;
  const { head } = state;
  head.fill(0);
  state.head = NO_CHAINS;
  deflateReset(used);
  state.head = head;
}
