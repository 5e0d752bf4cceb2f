import { expect } from 'chai';
import { describe, it } from 'mocha';
import { pauseAfter } from '../../../src/link/message/pace.js';
import { Turns } from '../../../src/link/message/turns.js';
import { VirtualClock } from './virtual-clock.js';

const never = new AbortController().signal;

function made() {
  const clock = new VirtualClock();
  return { clock, turns: new Turns({ elapsedMs: clock.now, pause: clock.pause }) };
}

describe('link/turns', () => {
  it('gives them at the common pace, in the order in which they were asked for', async () => {
    const { clock, turns } = made();
    const had: string[] = [];
    const lane = async (name: string) => {
      for (let count = 0; count < 3; count += 1) {
        await turns.next(never);
        had.push(`${name} ${clock.now()}`);
      }
    };
    await clock.run(Promise.all([lane('tcp'), lane('udp')]));
    const pause = pauseAfter(0);
    expect(had).to.deep.equal([
      'tcp 0',
      `udp ${pause}`,
      `tcp ${2 * pause}`,
      `udp ${3 * pause}`,
      `tcp ${4 * pause}`,
      `udp ${5 * pause}`,
    ]);
  });

  it('gives one that was given back to the next in line at once', async () => {
    const { clock, turns } = made();
    await clock.run(
      (async () => {
        await turns.next(never);
        const next = turns.next(never).then(() => clock.now());
        turns.giveBack();
        expect(await next).to.equal(0);
      })(),
    );
  });

  it('ends with the signal, and keeps nobody waiting behind who has gone', async () => {
    const { clock, turns } = made();
    const gone = new AbortController();
    await clock.run(
      (async () => {
        await turns.next(never);
        const first = turns.next(gone.signal);
        const second = turns.next(never).then(() => clock.now());
        await clock.pause(50, never);
        gone.abort();
        await first;
        expect(await second).to.equal(pauseAfter(0));
      })(),
    );
  });

  it('does not save up the turns that nobody took', async () => {
    const { clock, turns } = made();
    await clock.run(
      (async () => {
        await turns.next(never);
        await clock.pause(1000, never);
        const had: number[] = [];
        for (let count = 0; count < 2; count += 1) {
          await turns.next(never);
          had.push(clock.now());
        }
        expect(had).to.deep.equal([1000, 1000 + pauseAfter(1000)]);
      })(),
    );
  });
});
