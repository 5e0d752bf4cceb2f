import { expect } from 'chai';
import { describe, it } from 'mocha';
import { fuzz } from './fuzz.js';
import { targets } from './targets.js';

const INPUTS = 1000;
const SEED = 20_260_102;

describe('what others have written', function () {
  this.timeout(60_000);
  for (const target of targets()) {
    it(`is read or refused, whatever it is: ${target.name}`, () => {
      // Whole ones are among them, so that both are tried.
      for (const seed of target.seeds.slice(0, 5)) fuzz({ ...target, seeds: [seed] }, 1, SEED);
      expect(fuzz(target, INPUTS, SEED).inputs).to.equal(INPUTS);
    });
  }

  it('is found out where a reader breaks', () => {
    const breaking = {
      name: 'breaking',
      seeds: [Buffer.from('a quiet text')],
      read: (input: Buffer) => {
        if (input.includes(0xff)) throw new TypeError('undefined is not a function');
        return true;
      },
    };
    expect(() => fuzz(breaking, INPUTS, SEED)).to.throw(/Property failed.*Buffer\.from\(\[255\]\)/s);
  });
});
