import { chmod, chown, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { checkCounters, lookAtCounter, resetCounters, SenderCounter } from '../../src/keystore/sender-counter.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, filesBelow, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();

const AGENT = { user: 'wazuh', group: 'wazuh', uid: 64_901, gid: 64_902 };
const isRoot = process.geteuid?.() === 0;

const facts = async (path: string) => {
  const { uid, gid, mode } = await stat(path);
  return { uid, gid, mode: mode & 0o7777 };
};

describe('the sender counter', () => {
  let agent: AgentInstallation;
  let file: string;

  beforeEach(async () => {
    agent = await scratchHome(['queue/rids']);
    file = agent.counterFile;
  });
  afterEach(() => removeHome(agent));

  const stored = () => readFile(file, 'utf8');

  it('begins at 0:0, and writes nothing by being opened', async () => {
    expect((await SenderCounter.open(agent, disk)).last).to.deep.equal({ global: 0, local: 0 });
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('goes on from what the agent daemon stored', async () => {
    await writeFile(file, '3:17:');
    expect((await SenderCounter.open(agent, disk)).last).to.deep.equal({ global: 3, local: 17 });
  });

  it('takes what the daemons would not understand for nothing sent', async () => {
    await writeFile(file, 'rubbish');
    expect((await SenderCounter.open(agent, disk)).last).to.deep.equal({ global: 0, local: 0 });
  });

  it('is ahead of what is sent until it is settled', async () => {
    const counter = await SenderCounter.open(agent, disk);
    expect(await counter.reserve(20)).to.deep.equal({ global: 0, local: 20 });
    expect(await stored()).to.equal('0:20:');
    expect(counter.last).to.deep.equal({ global: 0, local: 0 });
    await counter.reserve(20);
    expect(await stored()).to.equal('0:40:');
    await counter.settle({ global: 0, local: 23 });
    expect(await stored()).to.equal('0:23:');
    await counter.reserve(2);
    expect(await stored()).to.equal('0:25:');
  });

  it('carries over to the next global', async () => {
    await writeFile(file, '4:9990:');
    const counter = await SenderCounter.open(agent, disk);
    expect(await counter.reserve(10)).to.deep.equal({ global: 5, local: 2 });
    expect(await stored()).to.equal('5:2:');
  });

  it('reserves what is left where it comes to its end, and nothing behind it', async () => {
    await writeFile(file, '4294967295:9990:');
    const counter = await SenderCounter.open(agent, disk);
    expect(await counter.reserve(256)).to.deep.equal({ global: 0xffff_ffff, local: 9997 });
    expect(await stored()).to.equal('4294967295:9997:');
    for (const used of [counter, await SenderCounter.open(agent, disk)]) {
      const error = await failure(used.reserve(1));
      expect(error.code).to.equal('FILE_UNREADABLE');
      expect(error.message).to.contain(file).and.to.contain('used up');
      expect(error.hint).to.contain('--force');
    }
    expect(await stored()).to.equal('4294967295:9997:');
    await counter.settle({ global: 0xffff_ffff, local: 9991 });
    expect(await counter.reserve(1)).to.deep.equal({ global: 0xffff_ffff, local: 9992 });
  });

  it('never goes back behind what was there', async () => {
    await writeFile(file, '3:17:');
    await (await SenderCounter.open(agent, disk)).settle({ global: 0, local: 1 });
    expect(await stored()).to.equal('3:17:');
  });

  it('keeps the owner, and has the mode of a counter', async function () {
    await writeFile(file, '3:17:');
    await chmod(file, 0o664);
    if (isRoot) await chown(file, AGENT.uid, AGENT.gid);
    const before = await facts(file);
    await (await SenderCounter.open(agent, disk)).reserve(1);
    expect(await facts(file)).to.deep.equal({ ...before, mode: 0o640 });
    if (!isRoot) this.skip(); // Only root could have changed the owner.
  });

  it("belongs to the agent where it is new, and where an earlier run left root's", async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    const installed = { ...agent, account: AGENT };
    await (await SenderCounter.open(installed, disk)).reserve(1);
    expect(await facts(file)).to.deep.equal({ uid: AGENT.uid, gid: AGENT.gid, mode: 0o640 });
    await chown(file, 0, 0);
    await chmod(file, 0o440);
    await (await SenderCounter.open(installed, disk)).reserve(1);
    expect(await facts(file)).to.deep.equal({ uid: AGENT.uid, gid: AGENT.gid, mode: 0o640 });
  });

  it('belongs to the owner of its directory where the account is not known', async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    await chown(dirname(file), AGENT.uid, AGENT.gid);
    await (await SenderCounter.open(agent, disk)).reserve(1);
    expect(await facts(file)).to.deep.equal({ uid: AGENT.uid, gid: AGENT.gid, mode: 0o640 });
  });

  it('makes its directories in a bare home, for the agent', async () => {
    const bare = await scratchHome([]);
    try {
      const installed = isRoot ? { ...bare, account: AGENT } : bare;
      await (await SenderCounter.open(installed, disk)).reserve(1);
      expect(await filesBelow(bare.home)).to.deep.equal(['queue/rids/sender_counter']);
      const rids = await facts(join(bare.home, 'queue', 'rids'));
      const queue = await facts(join(bare.home, 'queue'));
      expect([rids.mode, queue.mode]).to.deep.equal([0o770, 0o750]);
      if (isRoot) expect([rids.uid, rids.gid, queue.uid, queue.gid]).to.deep.equal([64_901, 64_902, 0, 64_902]);
    } finally {
      await removeHome(bare);
    }
  });

  it("leaves a counter of another user's alone when it could not keep the owner", async () => {
    await writeFile(file, '3:17:');
    const other = { ...nodeFileEdge(), uid: (process.geteuid?.() ?? 0) + 1 };
    const error = await failure((await SenderCounter.open(agent, other)).reserve(1));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.contain('belongs to another user, and only that user or root can renew it');
    expect(await stored()).to.equal('3:17:');
  });

  it('is kept by the user whose it is, and by one who has none yet', async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    const own = { ...disk, uid: AGENT.uid };
    await (await SenderCounter.open(agent, own)).reserve(1);
    expect(await stored()).to.equal('0:1:');
    await chown(file, AGENT.uid, AGENT.gid);
    await (await SenderCounter.open(agent, own)).reserve(1);
    expect(await stored()).to.equal('0:2:');
  });

  it('is renewed on Windows, which tells no owner', async () => {
    await writeFile(file, '3:17:');
    const { uid: _, ...windows } = watched(disk, () => {});
    await (await SenderCounter.open({ ...agent, platform: 'windows' }, windows)).reserve(1);
    expect(await stored()).to.equal('3:18:');
  });

  it('is looked at, and not changed by that', async () => {
    expect(await lookAtCounter(agent, disk)).to.equal(undefined);
    await writeFile(file, '3:17:');
    const look = await lookAtCounter(agent, disk);
    expect(look?.last).to.deep.equal({ global: 3, local: 17 });
    expect(look?.facts).to.include(await facts(file));
    await writeFile(file, 'rubbish');
    expect(await lookAtCounter(agent, disk)).to.have.all.keys('facts');
    expect(await stored()).to.equal('rubbish');
  });

  it('says which file could not be read or written', async () => {
    await writeFile(file, '3:17:');
    const edge = watched(nodeFileEdge(), (operation) => {
      if (operation === 'rename') throw systemError('ENOSPC');
    });
    const error = await failure((await SenderCounter.open(agent, edge)).reserve(1));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.contain(file).and.to.contain('no space');
    expect(await filesBelow(agent.home)).to.deep.equal(['queue/rids/sender_counter']);
    await symlink('rids', join(agent.home, 'queue', 'other'));
    const directory = { ...agent, counterFile: join(agent.home, 'queue', 'other') };
    expect((await failure(SenderCounter.open(directory, disk))).code).to.equal('FILE_UNREADABLE');
  });

  it('makes the agent home too, where only the key lies elsewhere', async () => {
    const bare = await scratchHome([]);
    try {
      const home = join(bare.home, 'home');
      const installed = { ...bare, home, counterFile: join(home, 'queue', 'rids', 'sender_counter') };
      await (await SenderCounter.open(installed, disk)).reserve(1);
      expect(await filesBelow(bare.home)).to.deep.equal(['home/queue/rids/sender_counter']);
      expect((await facts(home)).mode).to.equal(0o750);
    } finally {
      await removeHome(bare);
    }
  });

  describe('asked for beforehand', () => {
    it('leaves nothing behind, in a bare home and in none', async () => {
      const bare = await scratchHome([]);
      try {
        await checkCounters(bare, disk);
        const home = join(bare.home, 'home');
        await checkCounters({ ...bare, home, counterFile: join(home, 'queue', 'rids', 'sender_counter') }, disk);
        expect(await readdir(bare.home)).to.deep.equal([]);
      } finally {
        await removeHome(bare);
      }
    });

    it('leaves the counter that is there as it is', async () => {
      await writeFile(file, '3:17:');
      await checkCounters(agent, disk);
      expect(await stored()).to.equal('3:17:');
      expect(await filesBelow(agent.home)).to.deep.equal(['queue/rids/sender_counter']);
    });

    it('removes what a run has left that was killed here', async () => {
      await writeFile(join(dirname(file), '.sender_counter.agent-enroll-0123abcd.tmp'), '');
      await checkCounters(agent, disk);
      expect(await filesBelow(agent.home)).to.deep.equal([]);
    });

    it('tells what stands in the way', async () => {
      const at = (home: string) => ({ ...agent, home, counterFile: join(home, 'queue', 'rids', 'sender_counter') });
      await writeFile(join(agent.home, 'queue', 'file'), '');
      const inFile = await failure(
        checkCounters({ ...agent, counterFile: join(agent.home, 'queue/file/sender_counter') }, disk),
      );
      expect(inFile.code).to.equal('FILE_UNWRITABLE');
      const nowhere = await failure(checkCounters(at(join(agent.home, 'no', 'home')), disk));
      expect(nowhere.message).to.contain(`there is no directory ${join(agent.home, 'no')}`);
      expect(nowhere.hint).to.contain('--agent-home');
    });
  });

  describe('for a new key', () => {
    it('starts again, and the receive counters of both ids go', async () => {
      await writeFile(file, '3:17:');
      for (const id of ['001', '002', '003']) await writeFile(join(dirname(file), id), '9:9:');
      await resetCounters(agent, ['002', '001', '../rids/003', '1/../003', '003/.'], disk);
      expect(await stored()).to.equal('0:0:');
      expect(await filesBelow(dirname(file))).to.deep.equal(['003', 'sender_counter']);
    });

    it('does not start where a receive counter of its id would stay, which is told', async () => {
      await writeFile(join(dirname(file), '002'), '9:9:');
      const stuck = watched(disk, (operation) => {
        if (operation === 'unlink') throw systemError('EROFS');
      });
      const error = await failure(resetCounters(agent, ['002'], stuck));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.contain(file).and.to.contain('read-only');
      await resetCounters(agent, ['001'], stuck);
    });

    it('needs nothing where nothing was sent', async () => {
      await resetCounters(agent, ['002'], disk);
      expect(await filesBelow(agent.home)).to.deep.equal([]);
      const bare = await scratchHome([]);
      await resetCounters(bare, ['002'], disk);
      await removeHome(bare);
    });
  });
});
