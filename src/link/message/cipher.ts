import { AES_BLOCK, aesDecrypt, aesEncrypt, WAZUH_IV } from './aes.js';
import { blowfishDecrypt, blowfishEncrypt } from './blowfish.js';
import type { MessageKey } from './key.js';

/**
 * How a message is encrypted. `aes-wazuh` and `aes-ossec` share their token, not their format: Wazuh's IV is fixed and
 * not sent, OSSEC's is random and stands in front of the ciphertext. A manager drops the other one's without a word
 * (OSSEC 4.3, Wazuh 4.14).
 */
export type Cipher = 'blowfish' | 'aes-wazuh' | 'aes-ossec';

/** Every cipher there is. */
export const CIPHERS = ['blowfish', 'aes-wazuh', 'aes-ossec'] as const satisfies readonly Cipher[];

/** What stands in front of the encrypted part and names its cipher. */
export type Token = ':' | '#AES:';

/** A cipher with what it needs beside the key: OSSEC's AES a fresh random IV of 16 bytes, the others nothing. */
export type CipherChoice =
  | { readonly cipher: 'blowfish' | 'aes-wazuh'; readonly iv?: undefined }
  | { readonly cipher: 'aes-ossec'; readonly iv: Uint8Array };

/** The token of a cipher. */
export function tokenOf(cipher: Cipher): Token {
  return cipher === 'blowfish' ? ':' : '#AES:';
}

/** A cipher made ready for one message, with an IV from `randomBytes` where the cipher wants one. */
export function chooseCipher(cipher: Cipher, randomBytes: (size: number) => Uint8Array): CipherChoice {
  return cipher === 'aes-ossec' ? { cipher, iv: randomBytes(AES_BLOCK) } : { cipher };
}

/**
 * What follows the token: the encrypted body, for OSSEC's AES with the IV in front.
 * @param padded the body with its `!` padding, a multiple of 8 bytes
 * @throws RangeError if the IV is not 16 bytes
 */
export function encrypt(choice: CipherChoice, key: MessageKey, padded: Uint8Array): Buffer {
  switch (choice.cipher) {
    case 'blowfish':
      return blowfishEncrypt(key, padded);
    case 'aes-wazuh':
      return aesEncrypt(key, WAZUH_IV, padded);
    case 'aes-ossec':
      if (choice.iv.length !== AES_BLOCK) throw new RangeError(`An IV has 16 bytes, not ${choice.iv.length}.`);
      return Buffer.concat([choice.iv, aesEncrypt(key, choice.iv, padded)]);
  }
}

/** A body taken out of its encryption, and with what it had been encrypted. */
export interface Decrypted {
  readonly choice: CipherChoice;
  readonly padded: Buffer;
}

/** The reverse of {@link encrypt}; `undefined` where the bytes cannot be this cipher's, or not under this key. */
export function decrypt(cipher: Cipher, key: MessageKey, encrypted: Uint8Array): Decrypted | undefined {
  switch (cipher) {
    case 'blowfish':
      return found({ cipher }, blowfishDecrypt(key, encrypted));
    case 'aes-wazuh':
      return found({ cipher }, aesDecrypt(key, WAZUH_IV, encrypted));
    case 'aes-ossec': {
      if (encrypted.length < AES_BLOCK) return undefined;
      const iv = Uint8Array.from(encrypted.subarray(0, AES_BLOCK));
      return found({ cipher, iv }, aesDecrypt(key, iv, encrypted.subarray(AES_BLOCK)));
    }
  }
}

function found(choice: CipherChoice, padded: Buffer | undefined): Decrypted | undefined {
  return padded === undefined ? undefined : { choice, padded };
}
