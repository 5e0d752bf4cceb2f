import { randomBytes } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { deflate as reference } from 'pako';
import { MESSAGE_LIMIT } from '../../../src/link/message/codec.js';
import { deflate } from '../../../src/link/message/deflate.js';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Bytes of a few values, which are full of matches, and of all. */
const texts = (maxLength: number) =>
  fc
    .constantFrom(2, 4, 20, 256)
    .chain((values) => fc.uint8Array({ maxLength, max: values - 1, size: 'max' }))
    .chain((part) => fc.integer({ min: 1, max: 4 }).map((times) => Buffer.concat(Array(times).fill(part))));

describe('link/deflate', () => {
  for (const [length, values] of [
    [0, 1],
    [126, 256],
    [127, 256],
    [1022, 2],
    [1023, 2],
    [6000, 3],
    [20_000, 16],
    [MESSAGE_LIMIT, 256],
  ] as const) {
    it(`makes the bytes of zlib's default memory out of ${length} bytes of ${values} values`, () => {
      const bytes = randomBytes(length).map((byte) => byte % values);
      const packed = deflate(bytes);
      expect(hex(packed)).to.equal(hex(reference(bytes, { level: 9 })));
      expect(hex(inflateSync(packed))).to.equal(hex(bytes));
    });
  }

  it('makes them of one message after the other, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(texts(1500), { minLength: 2, maxLength: 4 }), (messages) => {
        for (const bytes of messages) expect(hex(deflate(bytes))).to.equal(hex(reference(bytes, { level: 9 })));
      }),
    );
  });

  it('makes the first message of a process like all others', async () => {
    const fresh: typeof import('../../../src/link/message/deflate.js') = await import(
      new URL('../../../src/link/message/deflate.ts?first', import.meta.url).href
    );
    // Of matches of three bytes, which zlib finds by its own hash alone.
    const bytes = Buffer.from('abc1abc2abc3abc4'.repeat(3));
    for (let count = 0; count < 2; count += 1) {
      expect(hex(fresh.deflate(bytes))).to.equal(hex(reference(bytes, { level: 9 })));
    }
  });

  it('throws for more than a message holds, and is none the worse for it', () => {
    expect(() => deflate(randomBytes(4 * MESSAGE_LIMIT))).to.throw(Error, 'The message did not become zlib data.');
    expect(hex(inflateSync(deflate(Buffer.from('a message'))))).to.equal(hex(Buffer.from('a message')));
  });

  it('keeps what it gave when it is asked again', () => {
    const first = deflate(Buffer.from('the first message'));
    const before = hex(first);
    deflate(Buffer.from('another one, longer than the first'));
    expect(hex(first)).to.equal(before);
  });
});
