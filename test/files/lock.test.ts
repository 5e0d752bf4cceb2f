import { once } from 'node:events';
import { lstat, readdir, rm } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { systemError, watched } from './faulty.js';
import { anybody, edgeOf, fastEdge, LockScene, nobody, OTHER_SPACE, process, until } from './lock-scene.js';
import { thrownBy } from './scratch.js';

describe('files/lock', () => {
  let scene: LockScene;
  beforeEach(async () => {
    scene = await LockScene.open();
  });
  afterEach(() => scene.close());

  for (const [how, files] of [
    ['by descriptors', nodeFiles()],
    ['by paths', nodeFiles(false)],
  ] as const) {
    it(`is there for its user alone while it is held, and gone afterwards, ${how}`, async () => {
      const lock = await scene.take({ ...nodeFileEdge(), files });
      expect((await lstat(scene.path('lock'))).mode & 0o7777).to.equal(0o700);
      expect((await lstat(await scene.lockFile())).mode & 0o7777).to.equal(0o600);
      await lock.release();
      await lock.release();
      expect(await scene.names()).to.deep.equal([]);
    });
  }

  it('is held by one of many at a time', async () => {
    const everybody = Array.from({ length: 12 }, (_, index) => 100 + index);
    expect(await scene.most(everybody.map((pid) => edgeOf(process(pid, everybody))))).to.equal(1);
    expect(await scene.names()).to.deep.equal([]);
  }).timeout(20_000);

  it('is held by one of many at a time in one process too', async () => {
    const edge = nodeFileEdge();
    expect(await scene.most([edge, edge, edge])).to.equal(1);
  });

  it('tells once who is waited for', async () => {
    const first = await scene.take(edgeOf(process(100, [100, 101])));
    const told: number[] = [];
    let looks = 0;
    const { edge } = fastEdge(process(101, [100, 101]), async () => {
      looks += 1;
      if (looks === 3) await first.release();
    });
    await scene.take(edge, (pid) => told.push(pid));
    expect(looks).to.equal(3);
    expect(told).to.deep.equal([100]);
  });

  it('is not waited for longer than the signal says', async () => {
    await scene.take(edgeOf(process(100, [100, 101])));
    const interrupt = new AbortController();
    const stop = new EnrollError('INTERRUPTED', 'Stop.');
    const error = await thrownBy(
      scene.take(edgeOf(process(101, [100, 101])), () => interrupt.abort(stop), interrupt.signal),
    );
    expect(error).to.equal(stop);
    expect(await scene.names()).to.deep.equal(['lock']);
  });

  it('is not waited for longer than the deadline of the run, and then it is the other run that is named', async () => {
    await scene.take(edgeOf(process(100, [100, 101])));
    const limit = new AbortController();
    const passed = new EnrollError('DEADLINE_PASSED', 'Too late.');
    const error = await thrownBy(scene.take(edgeOf(process(101, [100, 101])), () => limit.abort(passed), limit.signal));
    expect(error).to.be.instanceOf(EnrollError).and.include({ code: 'ANOTHER_RUN', cause: passed });
    expect(error).to.have.property('message').that.includes('process 100');
  });

  it('is not waited for after the signal, not even until the next look', async () => {
    await scene.take(edgeOf(process(100, [100, 101])));
    const interrupt = new AbortController();
    const pause = async (_: number, signal?: AbortSignal) => {
      setImmediate(() => interrupt.abort());
      await once(signal ?? new AbortController().signal, 'abort');
    };
    const edge = { ...edgeOf(process(101, [100, 101])), pause };
    expect(await thrownBy(scene.take(edge, anybody, interrupt.signal))).to.include({ code: 'INTERRUPTED' });
  });

  it('is not taken after the signal, though it is free', async () => {
    const passed = new EnrollError('DEADLINE_PASSED', 'Too late.');
    expect(await thrownBy(scene.take(nodeFileEdge(), nobody, AbortSignal.abort(passed)))).to.equal(passed);
    expect(await scene.names()).to.deep.equal([]);
  });

  describe('while it is held', () => {
    it("has a heart that beats by the file system's clock, and is not lost", async () => {
      const lock = await scene.take({ ...nodeFileEdge(), now: () => 0 });
      const changed = async () => (await lstat(await scene.lockFile(), { bigint: true })).mtimeNs;
      const first = await changed();
      const before = Date.now();
      await until(async () => (await changed()) !== first);
      const second = await changed();
      await until(async () => (await changed()) !== second);
      expect(Number(await changed()) / 1e6).to.be.within(before - 1000, Date.now() + 1000);
      expect(lock.lost.aborted).to.equal(false);
    });

    it('is not lost when a beat fails', async () => {
      let failed = 0;
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation !== 'open r+') return;
        failed += 1;
        throw systemError('EIO');
      });
      const lock = await scene.take(edge);
      await until(() => failed === 2);
      expect(lock.lost.aborted).to.equal(false);
    });

    it('is let go when the beat that is under way is over', async () => {
      let beat: 'not begun' | 'under way' | 'over' = 'not begun';
      let whenRemoved: string | undefined;
      let letGo = anybody;
      const edge = watched(nodeFileEdge(), async (operation) => {
        if (operation === 'unlink') {
          whenRemoved = beat;
          letGo();
        } else if (operation === 'open r+') {
          beat = 'under way';
          await new Promise<void>((resolve) => {
            letGo = resolve;
          });
        } else if (operation === 'close' && beat === 'under way') {
          beat = 'over';
        }
      });
      const lock = await scene.take(edge);
      await until(() => beat === 'under way');
      const released = lock.release();
      // So long a removal that does not wait for the beat has to come.
      setTimeout(() => letGo(), 100);
      await released;
      expect(whenRemoved).to.equal('over');
      expect(await scene.names()).to.deep.equal([]);
    });

    it('is lost where another run has broken it, and what that has taken is left alone', async () => {
      const lock = await scene.take(edgeOf(process(100, [100], { space: OTHER_SPACE })));
      // As if the holder stood still: it beats in its own time, and the waiter's goes faster.
      const next = await scene.take(fastEdge(process(101, [101])).edge, anybody);
      await until(() => lock.lost.aborted);
      expect(lock.lost.reason).to.be.instanceOf(EnrollError).and.include({
        code: 'ANOTHER_RUN',
        message: 'Another agent-enroll took this one for dead, and is at work on this host now.',
      });
      await lock.release();
      expect(await readdir(scene.path('lock'))).to.have.length(1);
      expect(next.lost.aborted).to.equal(false);
      await next.release();
      expect(await scene.names()).to.deep.equal([]);
    });

    it('is lost where somebody has removed it', async () => {
      const lock = await scene.take(nodeFileEdge());
      await rm(scene.path('lock'), { recursive: true });
      await until(() => lock.lost.aborted);
      await lock.release();
      expect(await scene.names()).to.deep.equal([]);
    });
  });
});
