import { expect } from 'chai';
import { describe, it } from 'mocha';
import { aesDecrypt, aesEncrypt, WAZUH_IV } from '../../../src/link/message/aes.js';
import { messageKey } from '../../../src/link/message/key.js';

const hex = (text: string) => Buffer.from(text, 'hex');

// NIST SP 800-38A, F.2.5: CBC-AES256.Encrypt, the first two blocks.
const NIST_KEY = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
const IV = hex('000102030405060708090a0b0c0d0e0f');
const PLAIN = hex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51');
const ENCRYPTED = 'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d';

/** A message key has 47 bytes, of which AES uses the first 32. */
const key = (rest: string) => messageKey(Buffer.concat([NIST_KEY, Buffer.from(rest)]));
const KEY = key('0123456789abcde');

describe('link/aes', () => {
  it('is AES-256 in CBC mode with the first 32 bytes of the key', () => {
    const encrypted = aesEncrypt(KEY, IV, PLAIN);
    expect(encrypted.subarray(0, 32).toString('hex')).to.equal(ENCRYPTED);
    expect(aesEncrypt(key('f'.repeat(15)), IV, PLAIN).equals(encrypted)).to.equal(true);
    expect(aesDecrypt(key('f'.repeat(15)), IV, encrypted)?.equals(PLAIN)).to.equal(true);
  });

  it('fills the last block by PKCS#7, a whole one where none is begun', () => {
    for (const [length, encrypted] of [
      [0, 16],
      [15, 16],
      [16, 32],
      [17, 32],
    ] as const) {
      expect(aesEncrypt(KEY, WAZUH_IV, PLAIN.subarray(0, length))).to.have.length(encrypted);
    }
  });

  it('gives nothing where the length or the padding is wrong', () => {
    expect(aesDecrypt(KEY, IV, new Uint8Array(0))).to.equal(undefined);
    expect(aesDecrypt(KEY, IV, aesEncrypt(KEY, IV, PLAIN).subarray(1))).to.equal(undefined);
    expect(aesDecrypt(KEY, IV, hex(ENCRYPTED))).to.equal(undefined);
  });
});
