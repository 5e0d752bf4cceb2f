import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  formatCounter,
  isLast,
  isNewer,
  NOTHING_SENT,
  nextCounter,
  parseCounter,
} from '../../src/model/message-counter.js';

const counters = fc.record({
  global: fc.integer({ min: 0, max: 0xffff_fffe }),
  local: fc.integer({ min: 0, max: 9997 }),
});

describe('the counter of messages', () => {
  it('starts at 0:1', () => {
    expect(nextCounter(NOTHING_SENT)).to.deep.equal({ global: 0, local: 1 });
  });

  it('goes from 9997 to the next global', () => {
    expect(nextCounter({ global: 0, local: 9996 })).to.deep.equal({ global: 0, local: 9997 });
    expect(nextCounter({ global: 0, local: 9997 })).to.deep.equal({ global: 1, local: 0 });
    expect(nextCounter({ global: 4, local: 123456 })).to.deep.equal({ global: 5, local: 0 });
  });

  it('gives a newer counter each time, to the end', () => {
    fc.assert(fc.property(counters, (last) => isNewer(nextCounter(last), last)));
    expect(() => nextCounter({ global: 0xffff_ffff, local: 9997 })).to.throw(RangeError);
  });

  it('tells the last one, behind which there is none, from all others', () => {
    for (const local of [9997, 9998, 123_456, 0xffff_ffff]) {
      expect(isLast({ global: 0xffff_ffff, local }), `${local}`).to.equal(true);
      expect(() => nextCounter({ global: 0xffff_ffff, local }), `${local}`).to.throw(RangeError);
    }
    for (const last of [
      NOTHING_SENT,
      { global: 0, local: 9997 },
      { global: 0xffff_fffe, local: 9999 },
      { global: 0xffff_ffff, local: 9996 },
      { global: 0xffff_ffff, local: 0 },
    ]) {
      expect(isLast(last), formatCounter(last)).to.equal(false);
      expect(isNewer(nextCounter(last), last), formatCounter(last)).to.equal(true);
    }
  });

  it('compares as a manager does', () => {
    expect(isNewer({ global: 1, local: 0 }, { global: 0, local: 9997 })).to.equal(true);
    expect(isNewer({ global: 0, local: 2 }, { global: 0, local: 1 })).to.equal(true);
    expect(isNewer({ global: 0, local: 1 }, { global: 0, local: 1 })).to.equal(false);
    expect(isNewer({ global: 0, local: 9 }, { global: 1, local: 1 })).to.equal(false);
  });

  it('reads what the daemons write, and what they would read', () => {
    expect(formatCounter({ global: 0, local: 1 })).to.equal('0:1:');
    expect(parseCounter('0:1:')).to.deep.equal({ global: 0, local: 1 });
    expect(parseCounter('12:34:\n')).to.deep.equal({ global: 12, local: 34 });
    expect(parseCounter('12:34')).to.deep.equal({ global: 12, local: 34 });
    expect(parseCounter(' 12: 34:5678')).to.deep.equal({ global: 12, local: 34 });
    expect(parseCounter('4294967295:0000000007:')).to.deep.equal({ global: 0xffff_ffff, local: 7 });
  });

  it('finds no counter where the daemons find none', () => {
    for (const text of ['', ':', '5', '5:', ':5:', 'a:b', '-1:5:', '1 :2', '4294967296:0:', '1:99999999999'])
      expect(parseCounter(text), text).to.equal(undefined);
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(counters, (counter) => {
        expect(parseCounter(formatCounter(counter))).to.deep.equal(counter);
      }),
    );
  });
});
