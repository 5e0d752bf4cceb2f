const LENGTH_BYTES = 4;
const FRAME_LIMIT = 65_536;

/** What {@link ManagerFrames.push} made of a chunk. `tooLong`: the next frame announces more than a manager takes. */
export interface ReceivedFrames {
  readonly messages: readonly Uint8Array[];
  readonly tooLong: boolean;
}

/**
 * Cuts a TCP stream into messages as remoted does: 4 bytes of little-endian length in front, 65536 at most. Unlike an
 * agent's reader it hands on a frame of length 0, because remoted ends the connection over it (Wazuh 4.14).
 */
export class ManagerFrames {
  #chunks: Uint8Array[] = [];
  #held = 0;
  #needed = LENGTH_BYTES;
  #tooLong = false;

  push(chunk: Uint8Array): ReceivedFrames {
    const messages: Uint8Array[] = [];
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (this.#held >= this.#needed && !this.#tooLong) {
      const bytes = joined(this.#chunks);
      const length = bytes.readUInt32LE();
      this.#tooLong = length > FRAME_LIMIT;
      this.#needed = LENGTH_BYTES + length;
      this.#chunks = [bytes];
      if (this.#tooLong || bytes.length < this.#needed) break;
      messages.push(bytes.subarray(LENGTH_BYTES, this.#needed));
      this.#chunks = [bytes.subarray(this.#needed)];
      this.#held -= this.#needed;
      this.#needed = LENGTH_BYTES;
    }
    return { messages, tooLong: this.#tooLong };
  }
}

// One chunk is not copied: it may hold thousands of frames.
function joined(chunks: readonly Uint8Array[]): Buffer {
  const [only, ...more] = chunks;
  if (only === undefined || more.length > 0) return Buffer.concat(chunks);
  return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
}
