import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { ReservedCounters } from '../../src/keystore/reserved-counters.js';
import { SenderCounter } from '../../src/keystore/sender-counter.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { parseCounter } from '../../src/model/message-counter.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, removeHome, scratchHome } from './scratch.js';

describe('reserved counters', () => {
  let agent: AgentInstallation;
  let writes: number;
  let full: boolean;

  beforeEach(async () => {
    agent = await scratchHome(['queue/rids']);
    await writeFile(agent.counterFile, '3:17:');
    writes = 0;
    full = false;
  });
  afterEach(() => removeHome(agent));

  const edge = watched(nodeFileEdge(), (operation) => {
    if (operation !== 'rename') return;
    if (full) throw systemError('ENOSPC');
    writes += 1;
  });
  const open = async () => new ReservedCounters(await SenderCounter.open(agent, edge));
  const stored = () => readFile(agent.counterFile, 'utf8');

  it('go on from the last one that was sent, each of them behind the one on the disk', async () => {
    const counters = await open();
    for (let local = 18; local < 60; local += 1) {
      expect(await counters.next()).to.deep.equal({ global: 3, local });
      expect(parseCounter(await stored())?.local).to.be.at.least(local);
    }
  });

  it('are paid for with one write to the disk for 256 of them', async () => {
    const counters = await open();
    for (let count = 0; count < 256; count += 1) await counters.next();
    expect(writes).to.equal(1);
    expect(await stored()).to.equal('3:273:');
    await counters.next();
    expect(writes).to.equal(2);
    expect(await stored()).to.equal('3:529:');
  });

  it('are different ones for two that ask at once, and are reserved once', async () => {
    const counters = await open();
    const given = await Promise.all([counters.next(), counters.next(), counters.next()]);
    expect(given.map(({ local }) => local)).to.deep.equal([18, 19, 20]);
    expect(writes).to.equal(1);
  });

  it('are written down as they were used, once that is settled', async () => {
    const counters = await open();
    await counters.next();
    const last = counters.next();
    await counters.settle();
    expect(await last).to.deep.equal({ global: 3, local: 19 });
    expect(await stored()).to.equal('3:19:');
  });

  it('write nothing where none was used', async () => {
    await (await open()).settle();
    expect(writes).to.equal(0);
    expect(await stored()).to.equal('3:17:');
  });

  it('are given again once the disk takes them, and none is before', async () => {
    const counters = await open();
    full = true;
    expect((await failure(counters.next())).code).to.equal('FILE_UNWRITABLE');
    await counters.settle();
    full = false;
    expect(await counters.next()).to.deep.equal({ global: 3, local: 18 });
  });
});
