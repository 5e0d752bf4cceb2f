import { expect } from 'chai';
import { describe, it } from 'mocha';
import { measureWay } from '../../../bench/fleet/measure.js';
import { LOOPBACK } from '../../../bench/fleet/network.js';
import { WAYS } from '../../../bench/fleet/ways.js';

/** A small fleet against a manager that serves two at a time: what the large one is measured with. */
describe('a fleet that starts at once', function () {
  this.timeout(120_000);
  const [backOff] = WAYS.filter(({ by, splayS }) => by === 'agent-enroll' && splayS === 0);

  it('is enrolled whole, and no host twice, where the manager resets what it has no room for', async () => {
    if (backOff === undefined) throw new Error('There is no such way.');
    const result = await measureWay(backOff, { hosts: 40, atOnce: 2, reloadMs: 500, network: LOOPBACK });
    expect(result).to.include({ answered: 40, agents: 40, registered: 40 });
    expect(result.resetBy.authd, 'it was too much for authd').to.be.above(0);
    expect(result.asked.mean).to.be.above(1);
  });
});
