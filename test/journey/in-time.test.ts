import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { HeldSteps, inTime } from '../../src/journey/in-time.js';
import { notAcknowledged } from '../../src/journey/not-acknowledged.js';

const REASON = new EnrollError('TERMINATED', 'Terminated.');
const free = () => new HeldSteps((step) => step());
const clock = () => performance.now();
const thrownBy = (work: Promise<unknown>) => work.catch((thrown: unknown) => thrown);

describe('work that is to end in time', () => {
  it('is left behind where it hangs', async () => {
    const stop = new AbortController();
    const hanging = thrownBy(inTime(new Promise(() => {}), stop.signal, free(), clock));
    stop.abort(REASON);
    expect(await hanging).to.equal(REASON);
  });

  it('has as long as it needs while nothing is to end', async () => {
    const { signal } = new AbortController();
    const slow = new Promise((resolve) => setTimeout(() => resolve(7), 300));
    expect(await inTime(slow, signal, free(), clock)).to.equal(7);
  });

  it('may still come to its end: what it gives counts', async () => {
    const stop = new AbortController();
    const work = new Promise((resolve) => stop.signal.addEventListener('abort', () => setImmediate(() => resolve(7))));
    const ending = inTime(work, stop.signal, free(), clock);
    stop.abort(REASON);
    expect(await ending).to.equal(7);
  });

  it('is waited for while a step is under way that nothing may cut off', async () => {
    const stop = new AbortController();
    const held = free();
    let finish = () => {};
    const step = held.uninterrupted(
      () =>
        new Promise<string>((resolve) => {
          finish = () => resolve('written');
        }),
    );
    const ending = inTime(step, stop.signal, held, () => 1_000_000 + clock());
    stop.abort(REASON);
    // Longer than what hangs is given.
    setTimeout(finish, 600);
    expect(await ending).to.equal('written');
    expect(held.any).to.equal(false);
  });

  it('is left behind in such a step once that has taken half a minute', async () => {
    const stop = new AbortController();
    const held = free();
    const step = held.uninterrupted(() => new Promise(() => {}));
    const times = [0];
    const hanging = thrownBy(inTime(step, stop.signal, held, () => times.shift() ?? 30_000));
    stop.abort(REASON);
    expect(await hanging).to.equal(REASON);
  });

  it('is not waited for any more once it has failed, be a step under way still', async () => {
    const stop = new AbortController();
    const held = free();
    let finish = () => {};
    const step = held.uninterrupted(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    const broken = new EnrollError('FILE_UNWRITABLE', 'The disk is full.');
    const work = new Promise((_, reject) =>
      stop.signal.addEventListener('abort', () => setImmediate(() => reject(broken))),
    );
    const ending = thrownBy(inTime(work, stop.signal, held, clock));
    stop.abort(REASON);
    expect(await ending).to.equal(broken);
    // Whoever holds the step still comes to its turn.
    await new Promise((resolve) => setTimeout(resolve, 60));
    finish();
    await step;
  });

  it('is left behind where the run was to end before it began', async () => {
    expect(await thrownBy(inTime(new Promise(() => {}), AbortSignal.abort(REASON), free(), clock))).to.equal(REASON);
  });

  it('leaves nothing that listens to the signal of the run, of which there may be many', async () => {
    const { signal } = new AbortController();
    expect(await inTime(Promise.resolve(7), signal, free(), clock)).to.equal(7);
    expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
  });
});

describe('an error once a key lies in its place', () => {
  it('is that nobody has acknowledged it, where else it were that nobody was reached', () => {
    for (const code of ['HOST_UNRESOLVED', 'CONNECTION_REFUSED', 'CONNECTION_FAILED', 'DEADLINE_PASSED'] as const) {
      const error = notAcknowledged(new EnrollError(code, 'What happened.'));
      expect(error).to.include({ code: 'LINK_SILENT', exitCode: 7 });
      expect(error.message).to.include('The key is installed');
    }
  });

  it('stays what it is otherwise', () => {
    for (const code of ['TERMINATED', 'FILE_UNWRITABLE', 'LINK_REFUSED', 'ANOTHER_RUN', 'INTERNAL'] as const) {
      const error = new EnrollError(code, 'What happened.');
      expect(notAcknowledged(error)).to.equal(error);
    }
  });
});
