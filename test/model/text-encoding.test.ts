import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { decodeText, textFaultInWords } from '../../src/model/text-encoding.js';
import { anyCharacter } from '../any-text.js';

const utf16le = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le');
const utf16be = (text: string) => utf16le(text).swap16();
const utf8 = (text: string) => Buffer.from(text, 'utf8');
const latin1 = (text: string) => Buffer.from(text, 'latin1');
/** Whole characters but NUL, and none that would be taken for the mark. */
const anyText = fc.string({ unit: anyCharacter }).map((text) => text.replace(/[\0\uFEFF]/g, ''));

describe('the text of a file', () => {
  for (const [how, written] of [
    ['UTF-8', utf8],
    ['UTF-8 with a mark', (text: string) => utf8(`\uFEFF${text}`)],
    ['UTF-16, little end first', utf16le],
    ['UTF-16, big end first', utf16be],
  ] as const) {
    it(`is read from ${how}, whatever it is`, () => {
      fc.assert(
        fc.property(anyText, (text) => {
          expect(decodeText(written(text))).to.deep.equal({ ok: true, text });
        }),
      );
    });
  }

  it('loses the mark and nothing else', () => {
    expect(decodeText(utf8('\uFEFF\uFEFFa\r\n'))).to.deep.equal({ ok: true, text: '\uFEFFa\r\n' });
    expect(decodeText(Uint8Array.of())).to.deep.equal({ ok: true, text: '' });
    expect(decodeText(Uint8Array.of(0xff, 0xfe))).to.deep.equal({ ok: true, text: '' });
  });

  const wrong: readonly (readonly [string, Uint8Array, string, number])[] = [
    ['Latin-1 ("ANSI")', latin1('<ossec_config>\n<!-- für\nuns -->'), 'utf-8', 2],
    ['Latin-1 in the last line', latin1('a\nb\nGr\xfc\xdfe'), 'utf-8', 3],
    ['a character cut off at the end', utf8('a\nbä').subarray(0, -1), 'utf-8', 2],
    ['UTF-8 that is longer than it need be', Uint8Array.of(0xc0, 0xaf), 'utf-8', 1],
    ['UTF-16 without a mark', Buffer.from('a\nb', 'utf16le'), 'nul', 1],
    ['a NUL', latin1('a\nb\nc\0d'), 'nul', 3],
    ['the mark of UTF-32', Uint8Array.of(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0), 'nul', 1],
    ['half a character in UTF-16', utf16le('a\nb\ud83d!'), 'utf-16', 2],
    ['an odd byte at the end of UTF-16', utf16be('a\nb').subarray(0, -1), 'utf-16', 2],
  ];
  for (const [what, bytes, fault, line] of wrong) {
    it(`is refused with ${what}, and says where`, () => {
      const decoded = decodeText(bytes);
      expect(decoded).to.deep.equal({ ok: false, fault, line });
      if (!decoded.ok) expect(textFaultInWords(decoded)).to.match(/^it .*\(line \d\)$/);
    });
  }

  it('is never made of replacements, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const decoded = decodeText(bytes);
        if (!decoded.ok) return;
        expect(decoded.text).to.not.include('\0');
        const again = [utf8(decoded.text), utf8(`\uFEFF${decoded.text}`), utf16le(decoded.text), utf16be(decoded.text)];
        expect(again.some((each) => each.equals(bytes))).to.equal(true);
      }),
    );
  });
});
