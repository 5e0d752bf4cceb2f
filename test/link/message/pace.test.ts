import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { doubtAt, pauseAfter, pauseAfterLookup } from '../../../src/link/message/pace.js';

/** When messages go out, in milliseconds, where the timer is late by what `late` says. */
function* messages(late: () => number = () => 0): Generator<number> {
  for (let atMs = 0; ; atMs += pauseAfter(atMs) + late()) yield atMs;
}

function sentBefore(ms: number, late?: () => number): number[] {
  const sent: number[] = [];
  for (const atMs of messages(late)) {
    if (atMs >= ms) return sent;
    sent.push(atMs);
  }
  return sent;
}

const doubtsBefore = (ms: number) => Array.from({ length: 100 }, (_, count) => doubtAt(count)).filter((at) => at < ms);

describe('link/pace', () => {
  it('is quick for the first second and a half, in which OSSEC learns a key', () => {
    expect(sentBefore(1500)).to.have.lengthOf.within(11, 13);
    for (let atMs = 0; atMs < 1500; atMs += 10) expect(pauseAfter(atMs)).to.be.within(100, 150);
  });

  it('sends 30 messages at most to a manager that learns the key after 10 s', () => {
    expect(sentBefore(10_000)).to.have.lengthOf.within(25, 30);
  });

  it('sends 90 messages at most in 60 s, with those that doubt', () => {
    expect(sentBefore(60_000).length + doubtsBefore(60_000).length).to.be.within(80, 90);
  });

  it('keeps to both however late the timers are', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat({ max: 50 })), (lateness) => {
        const late = () => lateness.next().value ?? 0;
        expect(sentBefore(10_000, late).length).to.be.at.most(30);
        expect(sentBefore(60_000, late).length + doubtsBefore(60_000).length).to.be.at.most(90);
      }),
    );
  });

  it('is heard at most a tenth of the wait, and a second, after the key was learned', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 3_600_000, noNaN: true }), (learnedMs) => {
        let heardMs = 0;
        for (const atMs of messages()) {
          heardMs = atMs;
          if (atMs >= learnedMs) break;
        }
        const late = heardMs - learnedMs;
        expect(late).to.be.below(1000);
        // In the quick time it is the pause itself.
        if (learnedMs > 1500) expect(late / heardMs).to.be.at.most(0.1);
        else expect(late).to.be.at.most(pauseAfter(0));
      }),
    );
  });

  it('never sends sooner than it did before', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), fc.nat({ max: 100_000 }), (one, other) => {
        const [early, late] = one < other ? [one, other] : [other, one];
        expect(pauseAfter(late)).to.be.at.least(pauseAfter(early));
        expect(pauseAfterLookup(late)).to.be.at.least(pauseAfterLookup(early));
      }),
    );
  });

  it('has these pauses', () => {
    expect([0, 1499, 1500, 5000, 9000, 9100, 60_000].map(pauseAfter)).to.deep.equal([
      130, 130, 163.5, 545, 981, 985, 985,
    ]);
    expect([0, 1000, 4000, 8000, 60_000].map(pauseAfterLookup)).to.deep.equal([250, 250, 1000, 2000, 2000]);
    expect([0, 1, 2].map(doubtAt)).to.deep.equal([15_000, 24_000, 33_000]);
  });

  it('looks a name up about thirty times a minute', () => {
    let count = 0;
    for (let atMs = 0; atMs < 60_000; atMs += pauseAfterLookup(atMs)) count += 1;
    expect(count).to.be.within(20, 45);
  });
});
