import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { budgetOfTry, patience, type WaitTerms } from '../../src/obtain/patience.js';
import { failure } from '../net/expect-error.js';

const live = new AbortController().signal;

function waiting(budgetMs = 10_000, random = 0) {
  let clock = 7000;
  const waits: number[] = [];
  const pause = async (ms: number) => {
    waits.push(ms);
    clock += ms;
  };
  const one = patience({ budgetMs, random: () => random, pause, now: () => clock });
  return { waits, wait: (terms?: WaitTerms, signal = live) => one.wait(signal, terms) };
}

describe('the patience with a manager', () => {
  it('is one timeout without retries, and with them as much as a minute of the API takes', () => {
    expect(budgetOfTry(2000, 0)).to.equal(2000);
    expect(budgetOfTry(2000, 2)).to.equal(25_000);
    expect(budgetOfTry(2000, 3)).to.equal(18_750);
    expect(budgetOfTry(2000, 6)).to.equal(10_715);
    expect(budgetOfTry(30_000, 3)).to.equal(30_000);
  });

  it('is as long as the manager wants to be left alone, and never shorter than a moment', async () => {
    const { waits, wait } = waiting();
    expect(await wait({ atLeastMs: 3000 })).to.equal(true);
    expect(await wait({ atLeastMs: 0 })).to.equal(true);
    expect(waits).to.deep.equal([3000, 100]);
  });

  it('ends with its budget to the millisecond, from the first wait on', async () => {
    const { waits, wait } = waiting(3100);
    expect(await wait({ atLeastMs: 3000 })).to.equal(true);
    expect(await wait({ atLeastMs: 101 })).to.equal(false);
    expect(await wait()).to.equal(true);
    expect(waits).to.deep.equal([3000, 100]);
    expect(await waiting(0).wait({ forMs: 100 })).to.equal(true);
    expect(await waiting().wait({ forMs: 99 })).to.equal(false);
  });

  it('ends with the reason of its signal', async () => {
    const stop = AbortSignal.abort(new EnrollError('TERMINATED', 'x'));
    await failure('TERMINATED', () => waiting().wait({}, stop));
  });
});
