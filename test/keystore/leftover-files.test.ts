import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { factsIfThere, isSince, isThereSince } from '../../src/keystore/leftover-files.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { begunNow } from './belongings-scene.js';
import { failure, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();

describe('what came of a request that was begun', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  it('has got its content since, or up to two seconds before, as file systems note whole and even ones', () => {
    const startedAt = '2026-01-02T03:04:05.000Z';
    const at = (ms: number) => ({ modified: BigInt(Date.parse(startedAt) + ms) * 1_000_000n });
    const since = (ms: number) => isSince(at(ms), { ...begunNow(), startedAt });
    expect([-60_000, -2000, -1999, 0, 60_000].map(since)).to.deep.equal([false, false, true, true, true]);
  });

  it('is nothing where nobody knows when it was begun', () => {
    expect(isSince({ modified: 1n }, { ...begunNow(), startedAt: 'unknown' })).to.equal(false);
  });

  it('is a file, and nothing where none is, or no directory', async () => {
    const request = begunNow();
    expect(await isThereSince(agent.keysFile, request, disk)).to.equal(false);
    await writeFile(agent.keysFile, '');
    expect(await isThereSince(agent.keysFile, request, disk)).to.equal(true);
    expect(await isThereSince(join(agent.home, 'etc'), request, disk)).to.equal(false);
    expect(await factsIfThere(join(agent.keysFile, 'deeper'), disk)).to.equal(undefined);
    expect(await factsIfThere(join(agent.home, 'none', 'deeper'), disk)).to.equal(undefined);
  });

  it('is told from what nobody can look at', async () => {
    const closed = watched(disk, (operation) => {
      if (operation === 'look') throw systemError('EACCES');
    });
    const error = await failure(factsIfThere(agent.keysFile, closed));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain(agent.keysFile).and.to.contain('permission denied');
  });
});
