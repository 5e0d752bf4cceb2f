import { existsSync } from 'node:fs';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { FileEdge } from '../../src/files/file-edge.js';
import { STALE_MS } from '../../src/files/lock.js';
import { watched } from './faulty.js';
import { anybody, edgeOf, fastEdge, LockScene, OTHER_SPACE, process, SPACE, withoutSpace } from './lock-scene.js';
import { thrownBy } from './scratch.js';

describe('files/lock of a dead run', () => {
  let scene: LockScene;
  beforeEach(async () => {
    scene = await LockScene.open();
  });
  afterEach(() => scene.close());

  describe('of a process of the same system', () => {
    it('that was killed is broken at once, by one of many', async () => {
      await scene.leave(process(99, []));
      const everybody = [100, 101, 102, 103];
      expect(await scene.most(everybody.map((pid) => edgeOf(process(pid, everybody))))).to.equal(1);
      expect(await scene.names()).to.deep.equal([]);
      await scene.leave(process(99, []));
      const { edge, waited } = fastEdge(process(100, [100]));
      await scene.take(edge);
      expect(waited()).to.equal(0);
    });

    it('is broken at once where another process has its number', async () => {
      await scene.leave(process(100, [100], { start: 'earlier' }));
      const { edge, waited } = fastEdge(process(101, [100, 101]));
      await scene.take(edge);
      expect(waited()).to.equal(0);
    });

    it('is broken at once where its number is ours now', async () => {
      await scene.leave(process(100, [100], { start: 'earlier' }));
      const { edge, waited } = fastEdge(process(100, [100]));
      await scene.take(edge);
      expect(waited()).to.equal(0);
    });

    it('that runs is waited for however long its heart stands still, for three minutes', async () => {
      await scene.leave(process(100, [100]));
      const { edge, waited } = fastEdge(process(101, [100, 101]));
      const error = await thrownBy(scene.take(edge, anybody));
      expect(error).to.be.instanceOf(EnrollError).and.include({ code: 'ANOTHER_RUN' });
      expect(error).to.have.property('message').that.includes('process 100');
      expect(error).to.have.property('hint').that.includes(scene.path('lock'));
      expect(waited()).to.equal(180_000);
      expect(existsSync(await scene.lockFile())).to.equal(true);
    });

    for (const [what, holder, waiter] of [
      ['whose start is not known', { start: undefined }, {}],
      ['whose start is not seen', {}, { look: () => ({ runs: true }) }],
    ] as const) {
      it(`${what} is broken when its heart has stood still`, async () => {
        const { start: _, ...unknown } = process(100, [100]);
        await scene.leave('start' in holder ? unknown : process(100, [100]));
        const { edge, waited } = fastEdge(process(101, [100, 101], waiter));
        await scene.take(edge, anybody);
        expect(waited()).to.be.within(STALE_MS, STALE_MS + 1000);
      });
    }
  });

  describe('of a process that is not seen here', () => {
    // The same number runs here, and that it started at the same time means nothing.
    const elsewhere = process(101, [101], { space: OTHER_SPACE });
    const here = process(101, [101]);

    /** A heart that beats each second of the waiter's time, until then. */
    function heart(stopsAt: number, clock: (second: number) => number) {
      let beaten = 0;
      return async (ms: number) => {
        const second = Math.floor(ms / 1000);
        if (second <= beaten || ms > stopsAt) return;
        beaten = second;
        await utimes(await scene.lockFile(), clock(second), clock(second));
      };
    }

    for (const [what, clock] of [
      ['', (second: number) => 1e9 + second],
      [', whatever its clock does', (second: number) => 1e9 + ((second % 3) - 1) * 3600 + second],
    ] as const) {
      it(`is waited for while its heart beats, and no longer${what}`, async () => {
        await scene.leave(elsewhere);
        const { edge, waited } = fastEdge(here, heart(60_000, clock));
        const told: number[] = [];
        await scene.take({ ...edge, now: () => Math.random() * 1e12 }, (pid) => told.push(pid));
        expect(waited()).to.be.within(60_000 + STALE_MS, 61_000 + STALE_MS);
        expect(told).to.deep.equal([101]);
      });
    }

    for (const [what, holder, waiter] of [
      ['in another space', elsewhere, here],
      ['where ours is not known', process(101, [101]), withoutSpace(here)],
      ['in a space that is not known', withoutSpace(elsewhere), here],
      ['where none is known', withoutSpace(elsewhere), withoutSpace(here)],
    ] as const) {
      it(`is broken when its heart has stood still: ${what}`, async () => {
        await scene.leave(holder);
        const { edge, waited } = fastEdge(waiter);
        await scene.take(edge, anybody);
        expect(waited()).to.be.within(STALE_MS, STALE_MS + 1000);
      });
    }

    it('is not broken for the time that the waiter itself stood still', async () => {
      await scene.leave(elsewhere);
      const { edge } = fastEdge(here);
      let time = 0;
      const seen: number[] = [];
      const stopped = {
        ...edge,
        monotonic: () => time,
        async pause() {
          seen.push(time);
          time += 15_000;
        },
      };
      await scene.take(stopped, anybody);
      expect(seen).to.have.length(STALE_MS / 1000);
    });

    it('is held by one of many at a time when it is broken', async () => {
      await scene.leave(elsewhere);
      const everybody = [101, 102, 103, 104];
      expect(await scene.most(everybody.map((pid) => fastEdge(process(pid, everybody)).edge))).to.equal(1);
    });
  });

  for (const [what, content] of [
    ['holds nothing', ''],
    ['is broken off', '{"pid":1'],
    ['names no process', '{"pid":-1,"space":"here","start":"x"}'],
    ['is no object', 'null'],
  ] as const) {
    it(`that ${what} is broken when it has not changed for long, and nobody is named`, async () => {
      await mkdir(scene.path('lock'));
      await writeFile(scene.path('lock', '0123456789abcdef'), content);
      const { edge, waited } = fastEdge(process(100, [100]));
      await scene.take(edge);
      expect(waited()).to.be.within(STALE_MS, STALE_MS + 1000);
    });
  }

  it('is taken, and tidied up, where runs were killed while they took or ended one', async () => {
    await mkdir(scene.path('lock'));
    for (const name of ['lock.0123456789abcdef', 'lock.0123456789abcde0', 'lock.1123456789abcdef.gone']) {
      await mkdir(scene.path(name));
      if (!name.endsWith('0')) await writeFile(scene.path(name, '0123456789abcdef'), '{"pid":1}');
    }
    await writeFile(scene.path('lock.txt'), 'of somebody else');
    const { edge, waited } = fastEdge(process(100, [100]));
    const lock = await scene.take(edge);
    expect(waited()).to.equal(0);
    expect((await scene.names()).sort()).to.deep.equal(['lock', 'lock.txt']);
    await lock.release();
    expect(await scene.names()).to.deep.equal(['lock.txt']);
  });

  it('is taken with another token where what was begun was tidied away', async () => {
    let swept = 0;
    const edge = watched(fastEdge(process(100, [100])).edge, async (operation, path) => {
      if (operation !== 'rename' || swept > 2) return;
      swept += 1;
      expect(path).to.equal(scene.path('lock'));
      for (const name of await scene.names()) await rm(scene.path(name), { recursive: true });
    });
    await scene.take(edge);
    expect(swept).to.equal(3);
  });

  describe('that is ended by one who looked at it long ago', () => {
    /** Stops once, before a file is removed from the lock, until it is let go on. */
    function stopping(edge: FileEdge) {
      let goOn = anybody;
      let reached = anybody;
      const stopped = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const onward = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const slow = watched(edge, async (operation, path) => {
        if (operation !== 'unlink' || !path.startsWith(scene.path('lock', '/'))) return;
        reached();
        await onward;
      });
      return { edge: slow, stopped, goOn: () => goOn() };
    }

    it('is not the one that another has taken meanwhile: a run that takes it for dead', async () => {
      await scene.leave(process(99, []));
      const interrupt = new AbortController();
      const slow = stopping(edgeOf(process(100, [100, 101])));
      const late = thrownBy(scene.take(slow.edge, () => interrupt.abort(), interrupt.signal));
      await slow.stopped;
      await scene.take(edgeOf(process(101, [100, 101])));
      const taken = await scene.lockFile();
      slow.goOn();
      expect(await late).to.include({ code: 'INTERRUPTED' });
      expect(await scene.lockFile()).to.equal(taken);
    });

    it('is not the one that another has taken meanwhile: its holder', async () => {
      const slow = stopping(edgeOf(process(100, [100], { space: OTHER_SPACE })));
      const lock = await scene.take(slow.edge);
      const released = lock.release();
      await slow.stopped;
      await scene.take(fastEdge(process(101, [101])).edge, anybody);
      const taken = await scene.lockFile();
      slow.goOn();
      await released;
      expect(await scene.lockFile()).to.equal(taken);
    });
  });

  it('is never held by two, in 200 rounds of four that find a dead one', async () => {
    const everybody = [100, 101, 102, 103];
    // Each waits a little before some operations, so that they overtake one another everywhere.
    const shuffled = (edge: FileEdge): FileEdge => {
      const { acl, files } = watched(edge, async () => {
        for (let turns = Math.floor(Math.random() * 4); turns > 0; turns -= 1) await new Promise(setImmediate);
      });
      return { ...edge, acl, files };
    };
    // Their clocks run ahead of the machine, be it a slow one: far enough for a heart to have stood still, and not so far
    // that they give up on one another.
    const patient = (edge: FileEdge): FileEdge => {
      const end = edge.monotonic() + 6 * STALE_MS;
      return { ...edge, monotonic: () => Math.min(edge.monotonic(), end) };
    };
    for (let round = 0; round < 200; round += 1) {
      const space = round % 2 === 0 ? SPACE : OTHER_SPACE;
      await scene.leave(process(99, [], { space }));
      const edges = everybody.map((pid) => patient(shuffled(fastEdge(process(pid, everybody), undefined, 10).edge)));
      expect(await scene.most(edges)).to.equal(1);
      expect(await scene.names()).to.deep.equal([]);
    }
  }).timeout(60_000);
});
