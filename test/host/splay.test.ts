import { expect } from 'chai';
import { describe, it } from 'mocha';
import { splayDelay, splaySeed } from '../../src/host/splay.js';

const WINDOW = 600_000;

describe('host/splay', () => {
  it('is stable: known delays of known seeds', () => {
    expect(splayDelay('web-01', WINDOW)).to.equal(splayDelay('web-01', WINDOW));
    expect(splayDelay('web-01', 2 * WINDOW)).to.be.closeTo(2 * splayDelay('web-01', WINDOW), 1);
    expect(splayDelay('web-01', 0)).to.equal(0);
    expect([splayDelay('web-01', WINDOW), splayDelay('web-02', WINDOW)]).to.deep.equal([365_262, 544_804]);
  });

  it('spreads fleets evenly over the window', () => {
    let chiSquare = 0;
    for (let fleet = 0; fleet < 20; fleet++) {
      const bins = Array.from({ length: 20 }, () => 0);
      for (let host = 0; host < 2000; host++) {
        const delay = splayDelay(splaySeed({}, `fleet${fleet}-${host}`), WINDOW);
        expect(delay).to.be.within(0, WINDOW - 1);
        const bin = Math.floor((delay / WINDOW) * bins.length);
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
      chiSquare += bins.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    }
    // 20 times 19 degrees of freedom: 380 is what chance makes of an even spread, 28 its standard deviation.
    expect(chiSquare).to.be.within(380 - 4 * 28, 380 + 4 * 28);
  });

  it('differs by each of the things that make a machine', () => {
    const machineId = 'a'.repeat(32);
    const seeds = [
      splaySeed({}, 'web-01'),
      splaySeed({ machineId }, 'web-01'),
      splaySeed({ instance: { id: machineId, issued: false } }, 'web-01'),
      splaySeed({ machineId }, 'web-02'),
      splaySeed({ machineId, instance: { id: 'i-1', issued: true } }, 'web-01'),
    ];
    expect(new Set(seeds).size).to.equal(seeds.length);
    // Whether cloud-init has run since the start makes no difference.
    expect(splaySeed({ instance: { id: 'i-1', issued: true } }, 'a')).to.equal(
      splaySeed({ instance: { id: 'i-1', issued: false } }, 'a'),
    );
  });
});
