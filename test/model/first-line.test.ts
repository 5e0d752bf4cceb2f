import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { firstLine } from '../../src/model/first-line.js';
import { anyCharacter } from '../any-text.js';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const utf8 = (text: string) => Buffer.from(text, 'utf8');
const utf16le = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
const utf16be = (text: string) => utf16le(text).swap16();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the first line of a file', () => {
  const lines: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ['without an end', utf8('secret'), utf8('secret')],
    ['with a line feed', utf8('secret\nand more\n'), utf8('secret')],
    ['with the line end of Windows', utf8('secret\r\nmore'), utf8('secret')],
    ['with a carriage return inside, which is no end', utf8('se\rcret\n'), utf8('se\rcret')],
    ['with blanks at both ends, which belong to it', utf8('  secret \t\n'), utf8('  secret \t')],
    ['that is empty', utf8('\nsecret'), utf8('')],
    ['of an empty file', utf8(''), utf8('')],
    ['with the mark of UTF-8', utf8('\uFEFFpäss\r\n'), utf8('päss')],
    ['in UTF-8', utf8('päss\n'), utf8('päss')],
    ['in Latin-1, whose bytes stay', latin1('p\xe4ss\n'), Uint8Array.of(0x70, 0xe4, 0x73, 0x73)],
    ['with a NUL, which stays', latin1('a\0b\n'), latin1('a\0b')],
    ['in UTF-16 without a mark, whose bytes stay', Buffer.from('ab', 'utf16le'), latin1('a\0b\0')],
    ['in UTF-16, little end first', utf16le('päss€😀\r\nmore'), utf8('päss€😀')],
    ['in UTF-16, big end first', utf16be('päss€😀\r\nmore'), utf8('päss€😀')],
    // U+0A00 and U+000A are one byte apart.
    ['in UTF-16 with half a line feed', utf16le('a\u0a00b\u0a0a\nc'), utf8('a\u0a00b\u0a0a')],
    ['of a file in UTF-16 that was cut off later on', utf16le('secret\nmore').subarray(0, -1), utf8('secret')],
    ['that only begins as UTF-16 does', latin1('\xff\xfea'), latin1('\xff\xfea')],
    ['with half a character in UTF-16', utf16le('a\ud83d\n'), latin1('\xff\xfea\0\x3d\xd8')],
  ];
  for (const [what, file, line] of lines) {
    it(`is found ${what}`, () => {
      expect(hex(firstLine(file))).to.equal(hex(line));
    });
  }

  it('is the same password from every encoding that has it', () => {
    const password = fc.string({ unit: anyCharacter }).map((text) => text.replace(/[\n\r\uFEFF]/g, ''));
    fc.assert(
      fc.property(password, fc.constantFrom('', '\n', '\r\n', '\nmore\n'), (text, end) => {
        for (const file of [utf8, utf16le, utf16be]) {
          expect(hex(firstLine(file(`${text}${end}`)))).to.equal(hex(utf8(text)));
        }
      }),
    );
  });

  it('keeps every byte of a line that has no mark', () => {
    const byte = fc.integer({ min: 0, max: 255 }).filter((value) => value !== 0x0a && value !== 0x0d);
    fc.assert(
      fc.property(fc.array(byte), (bytes) => {
        const line = Uint8Array.from([0x20, ...bytes]);
        expect(hex(firstLine(Buffer.concat([line, latin1('\nmore')])))).to.equal(hex(line));
      }),
    );
  });
});
