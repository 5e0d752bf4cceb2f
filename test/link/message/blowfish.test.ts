import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { blowfishDecrypt, blowfishEncrypt } from '../../../src/link/message/blowfish.js';
import { messageKey } from '../../../src/link/message/key.js';

const KEY = messageKey(Buffer.from('0123456789abcdef0123456789abcdef0123456789abcde', 'latin1'));

// Encrypts each line of hex from standard input with the Blowfish of OpenSSL's legacy provider.
const OPENSSL = `
  const { createCipheriv } = require('node:crypto');
  const key = Buffer.from('0123456789abcdef0123456789abcdef0123456789abcde');
  for (const line of require('node:fs').readFileSync(0, 'utf8').split(' ')) {
    const cipher = createCipheriv('bf-cbc', key, Buffer.from('fedcba9876543210', 'hex')).setAutoPadding(false);
    console.log(Buffer.concat([cipher.update(line, 'hex'), cipher.final()]).toString('hex'));
  }`;

function openssl(plain: readonly Buffer[]): string[] | undefined {
  const input = plain.map((bytes) => bytes.toString('hex')).join(' ');
  try {
    const output = execFileSync(process.execPath, ['--openssl-legacy-provider', '-e', OPENSSL], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    return output.trim().split('\n');
  } catch {
    return undefined;
  }
}

describe('link/blowfish', () => {
  it('agrees with OpenSSL', function () {
    const plain = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 40 }), { numRuns: 50, seed: 1 }).map((bytes) => {
      const blocks = Buffer.alloc(Math.ceil(bytes.length / 8) * 8);
      blocks.set(bytes);
      return blocks;
    });
    const theirs = openssl(plain);
    // A Node that was built on the system's OpenSSL need not have the legacy provider.
    if (theirs === undefined) return this.skip();
    expect(plain.map((bytes) => blowfishEncrypt(KEY, bytes).toString('hex'))).to.deep.equal(theirs);
  });

  it('gives back the zeros at the end, however many', () => {
    for (let zeros = 0; zeros <= 24; zeros += 1) {
      const plain = Buffer.concat([Buffer.alloc(24 - zeros, 'x'), Buffer.alloc(zeros)]);
      expect(blowfishDecrypt(KEY, blowfishEncrypt(KEY, plain))?.toString('hex')).to.equal(plain.toString('hex'));
    }
  });

  it('takes whole blocks only', () => {
    for (const length of [0, 1, 7, 9, 15]) expect(blowfishDecrypt(KEY, new Uint8Array(length))).to.equal(undefined);
  });
});
