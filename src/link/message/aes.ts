import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { MessageKey } from './key.js';

/** The length of an IV, and of a block, in bytes. */
export const AES_BLOCK = 16;

/** The IV of Wazuh's AES: always these 16 characters, never on the wire (Wazuh 3.13 to 4.14). */
export const WAZUH_IV: Uint8Array = Buffer.from('FEDCBA0987654321', 'latin1');

const ALGORITHM = 'aes-256-cbc';
const KEY_LENGTH = 32;

/** AES-256-CBC with PKCS#7 and the first 32 bytes of the key. */
export function aesEncrypt(key: MessageKey, iv: Uint8Array, padded: Uint8Array): Buffer {
  const cipher = createCipheriv(ALGORITHM, key.reveal().subarray(0, KEY_LENGTH), iv);
  return Buffer.concat([cipher.update(padded), cipher.final()]);
}

/** The reverse of {@link aesEncrypt}; `undefined` where the length or the PKCS#7 padding is wrong. */
export function aesDecrypt(key: MessageKey, iv: Uint8Array, encrypted: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv(ALGORITHM, key.reveal().subarray(0, KEY_LENGTH), iv);
  try {
    return Buffer.concat([decipher.update(encrypted), decipher.final()]);
  } catch {
    return undefined;
  }
}
