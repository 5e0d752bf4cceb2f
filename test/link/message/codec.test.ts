import { createHash } from 'node:crypto';
import { constants, deflateSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type CipherChoice, decrypt, encrypt, tokenOf } from '../../../src/link/message/cipher.js';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE_LIMIT,
  type MessageFault,
  peekId,
} from '../../../src/link/message/codec.js';
import { messageKey } from '../../../src/link/message/key.js';
import { keys, messages } from './arbitraries.js';

const KEY = messageKey(Buffer.from('0123456789abcdef0123456789abcdef0123456789abcde', 'latin1'));
const OTHER = messageKey(Buffer.from('f123456789abcdef0123456789abcdef0123456789abcde', 'latin1'));
const IV = Buffer.alloc(16, 7);
const CHOICES: readonly CipherChoice[] = [
  { cipher: 'blowfish' },
  { cipher: 'aes-wazuh' },
  { cipher: 'aes-ossec', iv: IV },
];

const PARTS = { random: '01234', counter: { global: 0, local: 1 }, payload: '#!-agent startup ' };

function faultOf(bytes: Uint8Array, key = KEY): MessageFault | undefined {
  const outcome = decodeMessage(bytes, key);
  return outcome.ok ? undefined : outcome.fault;
}

/** Encrypts a body of any kind, with as many pads as make it a multiple of 8 unless told otherwise. */
function forge(choice: CipherChoice, packed: Uint8Array, pads = 8 - (packed.length % 8)): Buffer {
  const padded = Buffer.concat([Buffer.alloc(pads, '!'), packed]);
  return Buffer.concat([Buffer.from(tokenOf(choice.cipher)), encrypt(choice, KEY, padded)]);
}

function bodyOf(inner: string | Buffer, md5 = createHash('md5').update(inner).digest('hex')): Buffer {
  return deflateSync(Buffer.concat([Buffer.from(md5, 'latin1'), Buffer.from(inner)]));
}

describe('link/codec', () => {
  it('gives back every part of every message', () => {
    fc.assert(
      fc.property(messages, keys, (parts, key) => {
        const outcome = decodeMessage(encodeMessage(parts, key), key);
        if (!outcome.ok) throw new Error(outcome.fault);
        expect(outcome.cipher).to.equal(parts.cipher);
        expect(outcome.iv).to.deep.equal(parts.iv);
        expect(outcome.id).to.equal(parts.id);
        expect(outcome.random).to.equal(parts.random);
        expect(outcome.counter).to.deep.equal(parts.counter);
        expect(outcome.payload.equals(parts.payload)).to.equal(true);
      }),
      { numRuns: 150 },
    );
  });

  it('puts one to eight "!" before the compressed body, eight where it needs none', () => {
    const seen = new Set<number>();
    for (let length = 1; length <= 80; length += 1) {
      const payload = createHash('shake256', { outputLength: length }).update('x').digest();
      const wire = encodeMessage({ ...PARTS, cipher: 'blowfish', payload }, KEY);
      const padded = decrypt('blowfish', KEY, wire.subarray(1))?.padded ?? Buffer.alloc(0);
      expect(padded.length % 8).to.equal(0);
      seen.add(padded.findIndex((byte) => byte !== 0x21));
      const outcome = decodeMessage(wire, KEY);
      expect(outcome.ok && outcome.payload.equals(payload), `${length} bytes`).to.equal(true);
    }
    expect([...seen].toSorted()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('refuses none, or more than eight', () => {
    const body = padTo8(bodyOf('012340000000000:0001:text'));
    expect(faultOf(forge({ cipher: 'blowfish' }, body, 8))).to.equal(undefined);
    expect(faultOf(forge({ cipher: 'blowfish' }, body, 0))).to.equal('padding');
    expect(faultOf(forge({ cipher: 'blowfish' }, body, 16))).to.equal('padding');
  });

  it('carries the longest payloads that the managers take', () => {
    const noise = createHash('shake256', { outputLength: 65408 }).update('noise').digest();
    for (const choice of CHOICES) {
      const payload = choice.cipher === 'aes-ossec' ? noise.subarray(0, 6016) : noise;
      const wire = encodeMessage({ ...PARTS, ...choice, payload, id: '1234567890' }, KEY);
      const outcome = decodeMessage(wire, KEY);
      expect(outcome.ok && outcome.payload.equals(payload), choice.cipher).to.equal(true);
    }
  });

  it('refuses to encode what no manager would take', () => {
    const id = 'An agent id is 1 to 10 digits.';
    const random = 'The random part of a message is five digits.';
    const wrong: readonly (readonly [Partial<typeof PARTS & { id: string }>, string])[] = [
      [{ payload: '' }, 'bytes, not 0.'],
      [{ payload: 'x'.repeat(65484) }, 'bytes, not 65484.'],
      [{ id: '' }, id],
      [{ id: '1!' }, id],
      [{ id: '12345678901' }, id],
      [{ random: '1234' }, random],
      [{ random: '123456' }, random],
      [{ random: '12345x' }, random],
      [{ random: 'x12345' }, random],
      [{ random: '1234a' }, random],
      [{ counter: { global: -1, local: 0 } }, '-1:0 is no message counter.'],
      [{ counter: { global: 0x1_0000_0000, local: 0 } }, '4294967296:0 is no message counter.'],
      [{ counter: { global: 0, local: 10000 } }, '0:10000 is no message counter.'],
      [{ counter: { global: 0, local: 1.5 } }, '0:1.5 is no message counter.'],
    ];
    for (const [part, words] of wrong) {
      const encode = () => encodeMessage({ ...PARTS, cipher: 'blowfish', ...part }, KEY);
      expect(encode, JSON.stringify(part).slice(0, 60)).to.throw(RangeError, words);
    }
    const last = encodeMessage({ ...PARTS, cipher: 'blowfish', counter: { global: 0xffff_ffff, local: 9999 } }, KEY);
    expect(decodeMessage(last, KEY)).to.deep.include({ ok: true, counter: { global: 0xffff_ffff, local: 9999 } });
    const ossec = { ...PARTS, cipher: 'aes-ossec', iv: IV } as const;
    expect(() => encodeMessage({ ...ossec, payload: 'x'.repeat(6017) }, KEY)).to.throw(RangeError);
    expect(() => encodeMessage({ ...ossec, iv: Buffer.alloc(15) }, KEY)).to.throw(
      RangeError,
      'An IV has 16 bytes, not 15.',
    );
  });

  it('sends nothing that is longer than a message can be, and reads what is just as long', () => {
    const noise = (length: number) => {
      const digests = Array.from({ length: Math.ceil(length / 64) }, (_, at) =>
        createHash('sha512').update(String(at)).digest(),
      );
      return Buffer.concat(digests).subarray(0, length);
    };
    // It does not get shorter by being compressed, and each length that is a multiple of 8 can be had.
    const encoded = (length: number) =>
      encodeMessage({ ...PARTS, cipher: 'blowfish', id: '0000001', payload: noise(length) }, KEY);
    expect(() => encoded(65_483)).to.throw(RangeError, 'too long');
    let length = 65_483;
    let longest: Uint8Array | undefined;
    while (longest === undefined && length > 65_000) {
      length -= 1;
      try {
        longest = encoded(length);
      } catch (thrown) {
        expect(thrown).to.be.instanceOf(RangeError);
      }
    }
    if (longest === undefined) throw new Error('none could be encoded');
    expect(longest.length % 8, 'the prefix and the token in front of whole blocks').to.equal((9 + 1) % 8);
    expect(longest.length).to.be.within(MESSAGE_LIMIT - 15, MESSAGE_LIMIT);
    expect(decodeMessage(longest, KEY)).to.include({ ok: true, id: '0000001' });
    expect(faultOf(Buffer.alloc(MESSAGE_LIMIT)), 'just as long').to.equal('format');
    expect(faultOf(Buffer.alloc(MESSAGE_LIMIT + 1)), 'longer').to.equal('length');
  });

  it('has no id where none is in front', () => {
    const read = decodeMessage(encodeMessage({ ...PARTS, cipher: 'blowfish' }, KEY), KEY);
    expect(read).to.include({ ok: true }).and.to.not.have.property('id');
  });

  it('refuses a message with any single bit changed, or reads the same from it', function () {
    this.timeout(20000);
    for (const choice of CHOICES) {
      const wire = encodeMessage({ ...PARTS, ...choice, id: '001' }, KEY);
      // The id in front stands outside the encryption; whoever changes it names another agent, with another key.
      for (let bit = 5 * 8; bit < wire.length * 8; bit += 1) {
        const changed = Uint8Array.from(wire);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const outcome = decodeMessage(changed, KEY, [choice.cipher]);
        if (!outcome.ok) continue;
        expect(outcome.text, `${choice.cipher}, bit ${bit}`).to.equal(PARTS.payload);
        expect(outcome.counter).to.deep.equal(PARTS.counter);
        expect(outcome.random).to.equal(PARTS.random);
      }
    }
  });

  it('refuses a message cut short anywhere', () => {
    for (const choice of CHOICES) {
      const wire = encodeMessage({ ...PARTS, ...choice, id: '001' }, KEY);
      for (let length = 0; length < wire.length; length += 1) {
        expect(decodeMessage(wire.subarray(0, length), KEY).ok, `${choice.cipher}, ${length} bytes`).to.equal(false);
      }
    }
  });

  it('never throws, whatever the bytes', () => {
    const fronts = fc.constantFrom('', ':', '#AES:', '!001!:', '!001!#AES:', '!!', '!12345678901!:', '#ping');
    fc.assert(
      fc.property(fronts, fc.uint8Array({ maxLength: 200 }), (front, rest) => {
        expect(decodeMessage(Buffer.concat([Buffer.from(front), rest]), KEY).ok).to.equal(false);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (packed) => {
        for (const choice of CHOICES) expect(decodeMessage(forge(choice, packed), KEY).ok).to.equal(false);
      }),
      { numRuns: 60 },
    );
  });

  it('does not read a message under another key', () => {
    for (const choice of CHOICES) {
      expect(faultOf(encodeMessage({ ...PARTS, ...choice }, KEY), OTHER), choice.cipher).to.be.oneOf([
        'cipher',
        'padding',
      ]);
    }
  });

  it('tries only the ciphers that it is told', () => {
    const [blowfish, wazuh, ossec] = CHOICES.map((choice) => encodeMessage({ ...PARTS, ...choice }, KEY));
    if (blowfish === undefined || wazuh === undefined || ossec === undefined) throw new Error('unreachable');
    expect(decodeMessage(blowfish, KEY, ['aes-wazuh', 'aes-ossec'])).to.deep.equal({ ok: false, fault: 'cipher' });
    expect(decodeMessage(wazuh, KEY, ['aes-ossec']).ok).to.equal(false);
    expect(decodeMessage(ossec, KEY, ['aes-wazuh']).ok).to.equal(false);
    expect(decodeMessage(ossec, KEY, ['aes-wazuh', 'aes-ossec']).ok).to.equal(true);
    expect(decodeMessage(wazuh, KEY, ['aes-ossec', 'aes-wazuh']).ok).to.equal(true);
  });

  describe('says what is wrong', () => {
    for (const choice of CHOICES) {
      it(choice.cipher, () => {
        const good = '012340000000000:0001:text';
        expect(faultOf(forge(choice, bodyOf(good)))).to.equal(undefined);
        expect(faultOf(forge(choice, bodyOf(good, '0'.repeat(32))))).to.equal('md5');
        expect(faultOf(forge(choice, bodyOf('012340000000000:0001:')))).to.equal('length');
        expect(faultOf(forge(choice, bodyOf('')))).to.equal('length');
        expect(faultOf(forge(choice, deflateSync('')))).to.equal('length');
        expect(faultOf(forge(choice, bodyOf('0123400000000000001:text.')))).to.equal('header');
        expect(faultOf(forge(choice, bodyOf('012340000000000:00 1:text')))).to.equal('header');
        expect(faultOf(forge(choice, bodyOf('012349999999999:0001:text')))).to.equal('header');
        expect(faultOf(forge(choice, Buffer.from('no zlib data')))).to.equal('inflate');
        expect(faultOf(forge(choice, bodyOf(good).subarray(0, -1)))).to.equal('inflate');
        expect(faultOf(forge(choice, Buffer.alloc(8), 0))).to.equal('padding');
        expect(faultOf(forge(choice, Buffer.alloc(0), 8))).to.equal('padding');
      });
    }

    it('no token', () => {
      for (const text of ['', '!001!', '!001', '#ping', '#AES', 'x:', '!x!:', '!12345678901!:'])
        expect(faultOf(Buffer.from(text)), text).to.equal('format');
    });

    it('a ciphertext that is none', () => {
      for (const text of [':', ':1234567', '#AES:', `#AES:${'x'.repeat(17)}`, '!1!:'])
        expect(faultOf(Buffer.from(text)), text).to.equal('cipher');
    });
  });

  it('spends no more than a message on a zlib bomb', () => {
    const bomb = deflateSync(Buffer.alloc(40_000_000), { level: constants.Z_BEST_COMPRESSION });
    for (const choice of CHOICES) {
      const wire = forge(choice, bomb);
      expect(wire.length).to.be.below(MESSAGE_LIMIT);
      const before = process.memoryUsage().arrayBuffers;
      expect(faultOf(wire)).to.equal('length');
      expect(process.memoryUsage().arrayBuffers - before).to.be.below(2_000_000);
    }
  });

  it('does not look into what is longer than a message can be', () => {
    expect(faultOf(Buffer.alloc(MESSAGE_LIMIT + 1, ':'))).to.equal('length');
  });

  it('reads the id without a key', () => {
    expect(peekId(Buffer.from('!001!:x'))).to.equal('001');
    expect(peekId(Buffer.from('!1234567890!#AES:'))).to.equal('1234567890');
    for (const text of ['', ':', '!001', '!!', '!a1!', '!12345678901!', ' !001!', '!001 !'])
      expect(peekId(Buffer.from(text)), text).to.equal(undefined);
  });
});

/** With zeros after it: what follows the end of the zlib data counts for nothing. */
function padTo8(packed: Buffer): Buffer {
  return Buffer.concat([packed, Buffer.alloc(8 - (packed.length % 8))]);
}
