import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import stringWidth from 'string-width';
import { fitted } from '../../src/cli/fitted.js';

describe('a text on so many columns', () => {
  it('is left whole where it fits', () => {
    expect(fitted('Trying again', '(3 s)', 18)).to.equal('Trying again (3 s)');
    expect(fitted('Trying again', '', 12)).to.equal('Trying again');
  });

  it('is cut where it does not, and what follows is kept', () => {
    expect(fitted('Trying again', '(3 s)', 17)).to.equal('Trying aga… (3 s)');
    expect(fitted('Trying again', '(3 s)', 14)).to.equal('Trying… (3 s)');
  });

  it('counts characters that are two columns wide as such', () => {
    expect(fitted('管理者が拒否', '(3 s)', 12)).to.equal('管理… (3 s)');
  });

  it('never takes more columns than there are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 7, max: 120 }), (text, columns) => {
        expect(stringWidth(fitted(text, '(9 s)', columns))).to.be.at.most(columns);
      }),
    );
  });
});
