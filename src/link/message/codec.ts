import { hash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { systemCode } from '../../errors.js';
import { type Counter, GLOBAL_MAX, LOCAL_MAX } from '../../model/message-counter.js';
import { CIPHERS, type Cipher, type CipherChoice, decrypt, encrypt, tokenOf } from './cipher.js';
import { deflate } from './deflate.js';
import type { MessageKey } from './key.js';

/** The longest message on the wire, in bytes (remoted, Wazuh 4.14: a longer TCP frame closes the connection). */
export const MESSAGE_LIMIT = 65536;

// What a manager makes room for when it decompresses: MD5, header and payload together (remoted, Wazuh 4.14). It is
// also what keeps a zlib bomb from costing more.
const BODY_LIMIT = 65536;
// remoted, OSSEC 4.3.
const OSSEC_PAYLOAD_LIMIT = 6016;

const MD5_LENGTH = 32;
const HEADER_LENGTH = 21;
const PAD = 0x21;
const PAD_MULTIPLE = 8;

const HEADER = /^(\d{5})(\d{10}):(\d{4}):$/;
const PREFIX = /^!(\d{1,10})!/;
const PREFIX_LIMIT = 12;
const TOKEN_LIMIT = 5;
const ID = /^\d{1,10}$/;
const RANDOM = /^\d{5}$/;

/** What a message is made of. */
export type MessageParts = CipherChoice & {
  /** Written as `!id!` in front, to the letter. An agent sends it, a manager never does. */
  readonly id?: string | undefined;
  /** Five digits that make equal messages differ. */
  readonly random: string;
  readonly counter: Counter;
  /** 1 to 6016 bytes with OSSEC's AES; with the others so many that the whole message stays below 65536 bytes. */
  readonly payload: Uint8Array | string;
};

/** A message that was taken apart; it can be given to {@link encodeMessage} as it is. */
export type DecodedMessage = CipherChoice & {
  readonly ok: true;
  readonly id?: string;
  readonly random: string;
  readonly counter: Counter;
  readonly payload: Buffer;
  /** The payload read as UTF-8. */
  readonly text: string;
};

/**
 * Why bytes are not a message under this key, in the order in which it is found out:
 * `format` neither token stands where one must; `cipher` the token's cipher was not to be tried, or the length or the
 * PKCS#7 padding is not the cipher's; `padding` not 1 to 8 `!` in front; `inflate` no zlib data; `length` more or
 * fewer bytes than a message can have; `md5` the checksum differs; `header` no counters where they must be.
 * A wrong key is `cipher`, `padding` or, rarely, `inflate`.
 */
export type MessageFault = 'format' | 'cipher' | 'padding' | 'inflate' | 'length' | 'md5' | 'header';

/** The outcome of {@link decodeMessage}. */
export type Decoded = DecodedMessage | { readonly ok: false; readonly fault: MessageFault };

const DEPTH: Readonly<Record<MessageFault, number>> = {
  format: 0,
  cipher: 1,
  padding: 2,
  inflate: 3,
  length: 4,
  md5: 5,
  header: 6,
};

/**
 * One message as it goes over the wire, without the length that TCP puts in front (OSSEC 2.8 to 4.x, Wazuh 3.x, 4.x).
 * @throws RangeError if a part is not what its description says
 */
export function encodeMessage(parts: MessageParts, key: MessageKey): Uint8Array {
  const payload = typeof parts.payload === 'string' ? Buffer.from(parts.payload, 'utf8') : parts.payload;
  requirePayload(parts.cipher, payload.length);
  const body = Buffer.concat([Buffer.alloc(MD5_LENGTH), header(parts.random, parts.counter), payload]);
  body.write(hash('md5', body.subarray(MD5_LENGTH)), 'latin1');
  const packed = deflate(body);
  // There is always a "!": eight where the compressed body is a multiple of 8 by itself.
  const padding = Buffer.alloc(PAD_MULTIPLE - (packed.length % PAD_MULTIPLE), PAD);
  const front = Buffer.from(prefix(parts.id) + tokenOf(parts.cipher), 'latin1');
  const message = Buffer.concat([front, encrypt(parts, key, Buffer.concat([padding, packed]))]);
  if (message.length > MESSAGE_LIMIT) throw new RangeError(`A message of ${message.length} bytes is too long.`);
  return message;
}

/**
 * Takes a message apart and checks it. Never throws, and never holds more than a message can have, whatever the bytes.
 * @param tryCiphers which ciphers to consider; the token rules out those that it cannot be
 */
export function decodeMessage(bytes: Uint8Array, key: MessageKey, tryCiphers: readonly Cipher[] = CIPHERS): Decoded {
  if (bytes.length > MESSAGE_LIMIT) return { ok: false, fault: 'length' };
  const id = peekId(bytes);
  const rest = view(bytes).subarray(id === undefined ? 0 : id.length + 2);
  const start = rest.toString('latin1', 0, TOKEN_LIMIT);
  const candidates = CIPHERS.filter((cipher) => start.startsWith(tokenOf(cipher)));
  if (candidates.length === 0) return { ok: false, fault: 'format' };

  let fault: MessageFault = 'cipher';
  for (const cipher of tryCiphers) {
    if (!candidates.includes(cipher)) continue;
    const decrypted = decrypt(cipher, key, rest.subarray(tokenOf(cipher).length));
    if (decrypted === undefined) continue;
    const body = readBody(decrypted.padded);
    if (typeof body !== 'string')
      return { ok: true, ...decrypted.choice, ...(id === undefined ? {} : { id }), ...body };
    // The attempt that came furthest tells most about what is wrong.
    if (DEPTH[body] > DEPTH[fault]) fault = body;
  }
  return { ok: false, fault };
}

/** The id that stands as `!id!` in front of a message: by it a manager looks up the key to decode the rest. */
export function peekId(bytes: Uint8Array): string | undefined {
  return PREFIX.exec(view(bytes).toString('latin1', 0, PREFIX_LIMIT))?.[1];
}

interface Body {
  readonly random: string;
  readonly counter: Counter;
  readonly payload: Buffer;
  readonly text: string;
}

function readBody(padded: Buffer): Body | MessageFault {
  const pads = padded.findIndex((byte) => byte !== PAD);
  if (pads < 1 || pads > PAD_MULTIPLE) return 'padding';
  const body = inflate(padded.subarray(pads));
  if (typeof body === 'string') return body;
  if (body.length <= MD5_LENGTH + HEADER_LENGTH) return 'length';
  const inner = body.subarray(MD5_LENGTH);
  if (body.toString('latin1', 0, MD5_LENGTH) !== hash('md5', inner)) return 'md5';
  const match = HEADER.exec(inner.toString('latin1', 0, HEADER_LENGTH));
  const [, random, global, local] = match ?? [];
  if (random === undefined || Number(global) > GLOBAL_MAX) return 'header';
  const payload = inner.subarray(HEADER_LENGTH);
  const counter = { global: Number(global), local: Number(local) };
  return { random, counter, payload, text: payload.toString('utf8') };
}

// Bytes after the end of the zlib data are passed over, as the managers do.
function inflate(packed: Buffer): Buffer | 'inflate' | 'length' {
  try {
    return inflateSync(packed, { maxOutputLength: BODY_LIMIT });
  } catch (thrown) {
    return systemCode(thrown) === 'ERR_BUFFER_TOO_LARGE' ? 'length' : 'inflate';
  }
}

function requirePayload(cipher: Cipher, length: number): void {
  const limit = cipher === 'aes-ossec' ? OSSEC_PAYLOAD_LIMIT : BODY_LIMIT - MD5_LENGTH - HEADER_LENGTH;
  if (length < 1 || length > limit) throw new RangeError(`A payload has 1 to ${limit} bytes, not ${length}.`);
}

function header(random: string, { global, local }: Counter): Buffer {
  if (!RANDOM.test(random)) throw new RangeError('The random part of a message is five digits.');
  if (!isCount(global, GLOBAL_MAX) || !isCount(local, LOCAL_MAX)) {
    throw new RangeError(`${global}:${local} is no message counter.`);
  }
  const digits = `${random}${String(global).padStart(10, '0')}:${String(local).padStart(4, '0')}:`;
  return Buffer.from(digits, 'latin1');
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function prefix(id: string | undefined): string {
  if (id === undefined) return '';
  if (!ID.test(id)) throw new RangeError('An agent id is 1 to 10 digits.');
  return `!${id}!`;
}

/** The same bytes, not copied. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
