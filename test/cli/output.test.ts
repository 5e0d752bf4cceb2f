import { expect } from 'chai';
import { describe, it } from 'mocha';
import { marks } from '../../src/cli/marks.js';
import { COLOURS, type Style, styled } from '../../src/cli/output.js';
import { coloursOf } from '../../src/cli/streams.js';

const STYLES: readonly Style[] = ['good', 'bad', 'notice', 'strong', 'faint'];
const LEVELS = [0, 95, 135, 175, 215, 255];

/** Red, green and blue of one of the 256 colours: a cube of six levels each, and 24 greys behind it. */
function rgbOf(colour: number): readonly number[] {
  if (colour >= 232) return Array.from({ length: 3 }, () => 8 + 10 * (colour - 232));
  const place = colour - 16;
  return [Math.floor(place / 36), Math.floor(place / 6) % 6, place % 6].map((level) => LEVELS[level] ?? Number.NaN);
}

/** The relative luminance, as WCAG 2 has it. */
function luminanceOf(colour: number): number {
  const [red = 0, green = 0, blue = 0] = rgbOf(colour)
    .map((level) => level / 255)
    .map((level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const inCodes = (on: string, off: string) => `\u001b[${on}mx\u001b[${off}m`;

describe('a style', () => {
  it('is readable on a light and on a dark background', () => {
    for (const [style, colour] of Object.entries(COLOURS)) {
      expect(colour, `${style} is no colour that everybody sets otherwise`).to.be.within(16, 255);
      const luminance = luminanceOf(colour);
      expect(1.05 / (luminance + 0.05), `${style} on white`).to.be.at.least(4.5);
      expect((luminance + 0.05) / 0.05, `${style} on black`).to.be.at.least(4.5);
    }
  });

  it('is one of these colours, bold or nothing', () => {
    for (const style of STYLES) {
      expect(styled({ color: false }, style, 'x')).to.equal('x');
      expect(styled({ color: true }, style, 'x')).to.be.oneOf(['x', inCodes('1', '22')]);
      const coloured = Object.values(COLOURS).map((colour) => inCodes(`38;5;${colour}`, '39'));
      expect(styled({ color: true, colours: true }, style, 'x')).to.be.oneOf([inCodes('1', '22'), ...coloured]);
    }
  });
});

describe('the colours', () => {
  const terminal = (bits: number) => ({ isTTY: true, getColorDepth: () => bits });
  const NONE = { color: false };
  const BOLD = { color: true };
  const ALL = { color: true, colours: true };

  for (const [what, environment, stream, expected] of [
    ['a terminal with 256', {}, terminal(8), ALL],
    ['a terminal with 16', {}, terminal(4), BOLD],
    ['no terminal', {}, {}, NONE],
    ['a dumb terminal', { TERM: 'dumb' }, terminal(8), NONE],
    ['NO_COLOR', { NO_COLOR: '1' }, terminal(8), NONE],
    ['an empty NO_COLOR', { NO_COLOR: '' }, terminal(8), ALL],
    ['FORCE_COLOR into a pipe', { FORCE_COLOR: '1' }, {}, BOLD],
    ['FORCE_COLOR=3 into a pipe', { FORCE_COLOR: '3' }, {}, ALL],
    ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, terminal(8), NONE],
    ['both, of which FORCE_COLOR is obeyed', { FORCE_COLOR: 'true', NO_COLOR: '1' }, terminal(8), ALL],
  ] as const) {
    it(`fit ${what}`, () => expect(coloursOf(environment, stream)).to.deep.equal(expected));
  }
});

describe('the marks', () => {
  it('are those of the old code pages where a console has no others', () => {
    expect(marks(true)).to.include({ done: '✔', failed: '✖' });
    for (const mark of Object.values(marks(false))) expect(mark).to.match(/^[ -~√×]$/);
  });
});
