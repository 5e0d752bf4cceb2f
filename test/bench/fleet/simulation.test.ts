import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EventQueue } from '../../../bench/fleet/event-queue.js';
import { readResults, SHARES, timesOfShares } from '../../../bench/fleet/results.js';
import { SIMULATED_WAYS, simulateFleet, simulateWay } from '../../../bench/fleet/simulation.js';
import { pauseAfterRun } from '../../../bench/fleet/ways.js';

const AT_ONCE = { atOnce: 10, serviceMs: 1000, startsWithinMs: 0 };
const LOOP = { splayS: 0, retries: 0, pausesS: [10] };

describe('a simulated fleet', () => {
  it('is served in waves where all try again at the same time', () => {
    const fleet = simulateFleet(40, LOOP, AT_ONCE);
    expect(fleet.keyS.at(-1)).to.equal(31);
    expect(fleet.asked, '40, 30, 20 and 10 of 40').to.equal(2.5);
    expect(fleet.worstSecond).to.equal(40);
  });

  it('is served at the first try where there is room for all', () => {
    expect(simulateFleet(10, LOOP, AT_ONCE)).to.include({ asked: 1, without: 0, worstSecond: 10 });
  });

  it('asks less often with a splay, and less often at once', () => {
    const spread = simulateFleet(1000, { ...LOOP, splayS: 200 }, AT_ONCE);
    const together = simulateFleet(1000, LOOP, AT_ONCE);
    expect(spread.asked).to.be.below(together.asked / 10);
    expect(spread.worstSecond).to.be.below(together.worstSecond / 10);
  });

  it('comes apart by the jitter of the back-off', () => {
    const apart = simulateFleet(1000, { ...LOOP, retries: 100 }, AT_ONCE);
    expect(apart.asked).to.be.below(simulateFleet(1000, LOOP, AT_ONCE).asked);
    expect(apart.without).to.equal(0);
  });

  it('counts who gives up', () => {
    const fleet = simulateFleet(40, { ...LOOP, runsAtMost: 2 }, AT_ONCE);
    expect(fleet.without).to.equal(20);
  });

  it('comes to the same each time, by its seed', () => {
    const way = { ...LOOP, retries: 5 };
    expect(simulateFleet(500, way, AT_ONCE, 7)).to.deep.equal(simulateFleet(500, way, AT_ONCE, 7));
    expect(simulateFleet(500, way, AT_ONCE, 7)).to.not.deep.equal(simulateFleet(500, way, AT_ONCE, 8));
  });

  it('is what docs/fleet.json has of it', function () {
    this.timeout(60_000);
    const { simulated } = readResults();
    expect(simulated).to.have.length(SIMULATED_WAYS.length);
    // The others take seconds.
    const quick = SIMULATED_WAYS.findIndex(({ splayS }) => splayS === 600);
    const way = SIMULATED_WAYS[quick];
    expect(way && simulateWay(way)).to.deep.equal(simulated[quick]);
  });
});

describe('a queue of events', () => {
  it('gives what is due first, and of one time what was added first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const queue = new EventQueue();
        times.forEach((at, number) => {
          queue.add(at, number);
        });
        const given = times.map(() => queue.next());
        const sorted = times.map((at, number) => ({ at, number })).sort((a, b) => a.at - b.at);
        expect(given.map((due) => [due?.at, due?.number])).to.deep.equal(sorted.map(({ at, number }) => [at, number]));
        expect(queue.next()).to.equal(undefined);
      }),
    );
  });
});

describe('the figures of a fleet', () => {
  it('say when each share was reached', () => {
    const times = timesOfShares(Array.from({ length: 80 }, (_, host) => (80 - host) * 100));
    expect(times).to.have.length(SHARES.length);
    expect([times[0], times[19], times[39]]).to.deep.equal([0.2, 4, 8]);
  });

  it('have the pauses of a way in turn, and the last of them for ever', () => {
    const way = { pausesS: [5, 10, 15] };
    expect([1, 2, 3, 4, 9].map((failures) => pauseAfterRun(way, failures))).to.deep.equal([
      5000, 10_000, 15_000, 15_000, 15_000,
    ]);
  });
});
