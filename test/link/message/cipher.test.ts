import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { CIPHERS, chooseCipher, decrypt, encrypt, tokenOf } from '../../../src/link/message/cipher.js';
import { keys } from './arbitraries.js';

describe('link/cipher', () => {
  it('gives back whole blocks, with each cipher', () => {
    const blocks = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => {
      const padded = Buffer.alloc(bytes.length * 8);
      padded.set(bytes, padded.length - bytes.length);
      return padded;
    });
    fc.assert(
      fc.property(fc.constantFrom(...CIPHERS), keys, blocks, (cipher, key, padded) => {
        const choice = chooseCipher(cipher, randomBytes);
        const back = decrypt(cipher, key, encrypt(choice, key, padded));
        expect(back?.choice.cipher).to.equal(cipher);
        expect(back?.padded.equals(padded)).to.equal(true);
      }),
    );
  });

  it('wants an IV for OSSEC alone', () => {
    const asked: number[] = [];
    const choices = CIPHERS.map((cipher) =>
      chooseCipher(cipher, (size) => {
        asked.push(size);
        return Buffer.alloc(size, 1);
      }),
    );
    expect(asked).to.deep.equal([16]);
    expect(choices.map(({ iv }) => iv?.length)).to.deep.equal([undefined, undefined, 16]);
  });

  it('has one token for both AES', () => {
    expect(CIPHERS.map(tokenOf)).to.deep.equal([':', '#AES:', '#AES:']);
  });
});
