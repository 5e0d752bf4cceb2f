import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type KeystoreEdge, nodeEdge } from '../../src/files/file-edge.js';
import { takeLock } from '../../src/files/lock.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { installationAt, removeHome, scratchHome } from '../keystore/scratch.js';

const never = new AbortController().signal;
const nobody = () => {
  throw new Error('nobody was to be waited for');
};

describe('the lock of an agent home', () => {
  let agent: AgentInstallation;
  const lockFile = () => join(agent.home, '.agent-enroll.lock');
  /** The system as another process sees it. */
  const process = (pid: number, running: readonly number[]): KeystoreEdge => ({
    ...nodeEdge(),
    pid,
    startedAt: 1000 + pid,
    isRunning: (other) => running.includes(other),
  });

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  it('is there while it is held, and gone afterwards', async () => {
    const lock = await takeLock(agent, nodeEdge(), nobody, never);
    expect(await readdir(agent.home)).to.include('.agent-enroll.lock');
    await lock.release();
    expect(await readdir(agent.home)).to.not.include('.agent-enroll.lock');
  });

  it('is held by one of many at a time', async () => {
    const everybody = Array.from({ length: 12 }, (_, index) => 100 + index);
    let holders = 0;
    let most = 0;
    await Promise.all(
      everybody.map(async (pid) => {
        const lock = await takeLock(agent, process(pid, everybody), () => {}, new AbortController().signal);
        holders += 1;
        most = Math.max(most, holders);
        await new Promise(setImmediate);
        holders -= 1;
        await lock.release();
      }),
    );
    expect(most).to.equal(1);
  }).timeout(20_000);

  it('tells once who is waited for', async () => {
    const first = await takeLock(agent, process(100, [100, 101]), nobody, never);
    const told: number[] = [];
    const second = takeLock(agent, process(101, [100, 101]), (pid) => told.push(pid), never);
    await nodeEdge().pause(250);
    await first.release();
    await (await second).release();
    expect(told).to.deep.equal([100]);
  });

  it('of a process that was killed is broken, by one of many', async () => {
    await takeLock(agent, process(99, []), nobody, never);
    const everybody = [100, 101, 102, 103];
    let holders = 0;
    await Promise.all(
      everybody.map(async (pid) => {
        const lock = await takeLock(agent, process(pid, everybody), () => {}, new AbortController().signal);
        holders += 1;
        expect(holders).to.equal(1);
        await new Promise(setImmediate);
        holders -= 1;
        await lock.release();
      }),
    );
    expect(await readdir(agent.home)).to.deep.equal(['etc']);
  });

  it('of an earlier process with the same number is broken', async () => {
    await takeLock(agent, process(100, [100]), nobody, never);
    const again = { ...process(100, [100]), startedAt: 5_000_000 };
    await (await takeLock(agent, again, nobody, never)).release();
  });

  it('of a run that the power failing ended is broken, though its number is another process now', async () => {
    await takeLock(agent, { ...process(99, [99]), bootId: 'before' }, nobody, never);
    const after = { ...process(100, [99, 100]), bootId: 'after' };
    await (await takeLock(agent, after, nobody, never)).release();
  });

  it('that holds nothing readable is waited for, and broken when it is old', async () => {
    await writeFile(lockFile(), '');
    const later = { ...process(100, [100]), now: () => Date.now() + 60_000 };
    await (await takeLock(agent, later, () => {}, never)).release();
  });

  it('is not waited for longer than the signal says', async () => {
    await takeLock(agent, process(100, [100, 101]), nobody, never);
    const interrupt = new AbortController();
    const waiting = takeLock(
      agent,
      process(101, [100, 101]),
      () => interrupt.abort(new EnrollError('INTERRUPTED', 'Stop.')),
      interrupt.signal,
    );
    const error = await waiting.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'INTERRUPTED');
  });

  it('gives up on a run that never ends, and says which', async () => {
    await takeLock(agent, process(100, [100, 101]), nobody, never);
    let time = Date.now();
    const hurried = { ...process(101, [100, 101]), now: () => (time += 100_000) };
    const error = await takeLock(agent, hurried, () => {}, never).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'ANOTHER_RUN');
    expect(error).to.have.property('message').that.includes('process 100');
  });

  it('takes a home that it had to make away again, unless something is in it', async () => {
    const bare = installationAt(join(agent.home, 'bare'));
    const lock = await takeLock(bare, nodeEdge(), nobody, never);
    await lock.release();
    expect(await readdir(agent.home)).to.deep.equal(['etc']);
    const again = await takeLock(bare, nodeEdge(), nobody, never);
    await writeFile(join(bare.home, 'something'), '');
    await again.release();
    expect(await readdir(bare.home)).to.deep.equal(['something']);
  });
});
