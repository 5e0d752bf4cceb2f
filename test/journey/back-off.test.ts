import { expect } from 'chai';
import { describe, it } from 'mocha';
import { backOff } from '../../src/journey/back-off.js';

describe('the wait before the next try', () => {
  for (const [failures, longestMs] of [
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [5, 16_000],
    [6, 30_000],
    [60, 30_000],
  ] as const) {
    it(`is anything up to ${longestMs} ms after ${failures} failures`, () => {
      expect(backOff(failures, 0)).to.equal(0);
      expect(backOff(failures, 0.5)).to.equal(longestMs / 2);
      expect(backOff(failures, 0.99999)).to.be.within(longestMs - 1, longestMs - 1);
    });
  }
});
