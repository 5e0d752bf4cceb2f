import { MESSAGE_LIMIT } from './codec.js';

const LENGTH_BYTES = 4;

/** What {@link FrameReader.push} made of a chunk. */
export interface Frames {
  readonly messages: readonly Uint8Array[];
  /** The length that a frame announced, where no message can be so long: the stream cannot be read any further. */
  readonly tooLong: number | undefined;
}

/**
 * Cuts a TCP stream into messages: each has its length in front, 4 bytes little-endian, 65536 at most (remoted, Wazuh
 * 4.14: more closes the connection). Holds one unfinished message at most. Frames of length 0 are passed over.
 */
export class FrameReader {
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;
  #tooLong: number | undefined;

  /** Takes the next bytes of the stream, and gives the messages that they completed. */
  push(chunk: Uint8Array): Frames {
    const messages: Uint8Array[] = [];
    let rest = chunk;
    while (rest.length > 0 && this.#tooLong === undefined) {
      if (this.#body === undefined) {
        rest = this.#readLength(rest);
      } else {
        const part = rest.subarray(0, this.#body.length - this.#bodyFilled);
        this.#body.set(part, this.#bodyFilled);
        this.#bodyFilled += part.length;
        rest = rest.subarray(part.length);
        if (this.#bodyFilled === this.#body.length) {
          messages.push(this.#body);
          this.#body = undefined;
        }
      }
    }
    return { messages, tooLong: this.#tooLong };
  }

  /** Whether the stream stands within a frame: if it ends here, a message was cut off. */
  get unfinished(): boolean {
    return this.#lengthFilled > 0 || this.#body !== undefined;
  }

  #readLength(bytes: Uint8Array): Uint8Array {
    const part = bytes.subarray(0, LENGTH_BYTES - this.#lengthFilled);
    this.#length.set(part, this.#lengthFilled);
    this.#lengthFilled += part.length;
    if (this.#lengthFilled === LENGTH_BYTES) {
      this.#lengthFilled = 0;
      this.#begin(this.#length.readUInt32LE());
    }
    return bytes.subarray(part.length);
  }

  #begin(length: number): void {
    if (length > MESSAGE_LIMIT) {
      this.#tooLong = length;
    } else if (length > 0) {
      this.#body = Buffer.alloc(length);
      this.#bodyFilled = 0;
    }
  }
}

/** What a message begins with: the tokens of its cipher, or the word of an answer in the clear. */
const BEGINNINGS = ['#AES:', ':', '#pong'];

/** Whether all that came over a TCP connection is the beginning of one message, whose end did not come. */
export function isCutOff(bytes: Uint8Array): boolean {
  if (bytes.length < LENGTH_BYTES) return true;
  const length = Buffer.from(bytes).readUInt32LE();
  if (length > MESSAGE_LIMIT || bytes.length >= LENGTH_BYTES + length) return false;
  const text = Buffer.from(bytes.subarray(LENGTH_BYTES)).toString('latin1');
  return BEGINNINGS.some((word) => text.startsWith(word) || word.startsWith(text));
}

/**
 * A message with its length in front, as it goes over TCP.
 * @throws RangeError if it is empty or longer than 65536 bytes
 */
export function frame(message: Uint8Array): Uint8Array {
  if (message.length < 1 || message.length > MESSAGE_LIMIT) {
    throw new RangeError(`A message of ${message.length} bytes cannot be framed.`);
  }
  const framed = Buffer.alloc(LENGTH_BYTES + message.length);
  framed.writeUInt32LE(message.length);
  framed.set(message, LENGTH_BYTES);
  return framed;
}
