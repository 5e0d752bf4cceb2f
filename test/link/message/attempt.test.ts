import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { attemptDeadline, attemptOver, endsWithin, isFinal } from '../../../src/link/message/attempt.js';
import { never } from './scripted.js';
import { VirtualClock } from './virtual-clock.js';

const INTERRUPTED = new EnrollError('INTERRUPTED', 'Interrupted.');

describe('link/attempt', () => {
  it('tries again only what the network does to an attempt', () => {
    const ofTheNetwork = [
      'HOST_UNRESOLVED',
      'CONNECTION_REFUSED',
      'CONNECTION_TIMED_OUT',
      'CONNECTION_FAILED',
    ] as const;
    const final: readonly ErrorCode[] = [
      'INTERRUPTED',
      'DEADLINE_PASSED',
      'FILE_UNWRITABLE',
      'LINK_REFUSED',
      'NOT_PROXY',
    ];
    for (const code of ofTheNetwork) expect(isFinal(new EnrollError(code, 'It failed.')), code).to.equal(false);
    for (const code of final) expect(isFinal(new EnrollError(code, 'It failed.')), code).to.equal(true);
    expect(isFinal(new Error('a fault in the program'))).to.equal(true);
    expect(isFinal(Object.assign(new Error('not said by us'), { code: 'CONNECTION_REFUSED' }))).to.equal(true);
    expect(isFinal('no error at all')).to.equal(true);
  });

  describe('its deadline', () => {
    it('passes after its time, with a reason that may be tried again', async () => {
      const clock = new VirtualClock();
      const { signal } = attemptDeadline(never, 700, clock.pause);
      await clock.run(
        (async () => {
          await clock.pause(699, never);
          expect(signal.aborted).to.equal(false);
          await clock.pause(2, never);
        })(),
      );
      expect(signal.reason).to.be.instanceOf(EnrollError).and.include({ code: 'CONNECTION_TIMED_OUT' });
      expect(signal.reason).to.have.property('message', 'No answer to this attempt.');
      expect(isFinal(attemptOver())).to.equal(false);
    });

    it("passes with what it is a part of, and that one's reason", () => {
      const parent = new AbortController();
      const clock = new VirtualClock();
      const { signal } = attemptDeadline(parent.signal, 700, clock.pause);
      expect(signal.aborted).to.equal(false);
      parent.abort(INTERRUPTED);
      expect(signal.reason).to.equal(INTERRUPTED);
      expect(attemptDeadline(parent.signal, 700, clock.pause).signal.reason).to.equal(INTERRUPTED);
    });

    it('neither passes nor keeps a timer once it is cleared', async () => {
      const parent = new AbortController();
      const clock = new VirtualClock();
      let waits: AbortSignal = never;
      const { signal, clear } = attemptDeadline(parent.signal, 700, (ms, cleared) => {
        waits = cleared;
        return clock.pause(ms, cleared);
      });
      clear();
      expect(waits.aborted).to.equal(true);
      await clock.run(clock.pause(800, never));
      parent.abort(INTERRUPTED);
      expect(signal.aborted).to.equal(false);
    });
  });

  describe('work that is waited for', () => {
    const within = async (work: (clock: VirtualClock) => Promise<unknown>) => {
      const clock = new VirtualClock();
      const ends = await clock.run(endsWithin(work(clock), 500, clock.pause));
      return [ends, clock.now()] as const;
    };

    it('ends within its time, well or not, and is waited for no longer', async () => {
      expect(await within((clock) => clock.pause(300, never))).to.deep.equal([true, 300]);
      const fails = async (clock: VirtualClock) => {
        await clock.pause(300, never);
        throw INTERRUPTED;
      };
      expect(await within(fails)).to.deep.equal([true, 300]);
    });

    it('does not end within its time', async () => {
      expect(await within((clock) => clock.pause(501, never))).to.deep.equal([false, 500]);
    });
  });
});
