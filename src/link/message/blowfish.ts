import { Blowfish } from 'egoroof-blowfish';
import type { MessageKey } from './key.js';

// Node's OpenSSL has Blowfish only in its legacy provider, which is not loaded by default: hence the package.

/** The block size in bytes: what is encrypted must be a multiple of it. */
export const BLOWFISH_BLOCK = 8;

const IV = Uint8Array.of(0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10);

/** Blowfish-CBC with all 47 bytes of the key and the IV that every manager uses. `padded` is a multiple of 8 bytes. */
export function blowfishEncrypt(key: MessageKey, padded: Uint8Array): Buffer {
  return view(cipherOf(key).encode(padded));
}

/** The reverse of {@link blowfishEncrypt}; `undefined` where the length is no multiple of 8, or nothing. */
export function blowfishDecrypt(key: MessageKey, encrypted: Uint8Array): Buffer | undefined {
  if (encrypted.length === 0 || encrypted.length % BLOWFISH_BLOCK !== 0) return undefined;
  // The package takes zeros off the end as if they were padding. There is no padding: put them back.
  const plain = Buffer.alloc(encrypted.length);
  plain.set(cipherOf(key).decode(encrypted, Blowfish.TYPE.UINT8_ARRAY));
  return plain;
}

// Making a key ready is 521 encryptions, more than all but the longest messages are.
const ready = new WeakMap<MessageKey, Blowfish>();

function cipherOf(key: MessageKey): Blowfish {
  const known = ready.get(key);
  if (known !== undefined) return known;
  const cipher = new Blowfish(key.reveal(), Blowfish.MODE.CBC, Blowfish.PADDING.NULL);
  cipher.setIv(IV);
  ready.set(key, cipher);
  return cipher;
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
