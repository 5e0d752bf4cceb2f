import { chown, lchown, link, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { installKey } from '../../src/keystore/client-keys.js';
import { leftoverKey, removeLeftoverKeys } from '../../src/keystore/leftover-key.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, makeFifo, OTHER } from '../files/scratch.js';
import { failure, filesBelow, installationAt, line, NEW, OLD, record, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();

describe('a key that a killed run left', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  const at = (token: string) => join(dirname(agent.keysFile), `.client.keys.agent-enroll-${token}.tmp`);
  /** @param seconds when it was written, since 1970 */
  const leave = async (token: string, text: string, seconds = 1_700_000_000) => {
    await writeFile(at(token), text, { mode: 0o640 });
    await utimes(at(token), seconds, seconds);
  };
  const found = async (name = 'web-01') => (await leftoverKey(agent, name, disk))?.id;

  it('is found as an installation that was cut off before its rename leaves it', async () => {
    const cut = watched(disk, (operation) => {
      if (operation === 'rename' || operation === 'unlink') throw systemError('EIO');
    });
    await failure(installKey(NEW, agent, cut));
    expect(await filesBelow(agent.home)).to.have.length(1);
    const left = await leftoverKey(agent, 'web-01', disk);
    expect(left === undefined ? '' : line(left)).to.equal(line(NEW));
    await installKey(NEW, agent, disk);
    expect(await found()).to.equal(undefined);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
  });

  it('is none where nothing was left, and where there is no directory', async () => {
    expect(await found()).to.equal(undefined);
    await writeFile(agent.keysFile, line(OLD));
    expect(await found()).to.equal(undefined);
    const bare = installationAt(join(agent.home, 'none'));
    expect(await leftoverKey(bare, 'web-01', disk)).to.equal(undefined);
  });

  it('is left by earlier versions under a name with the number of their process', async () => {
    await leave('4711-aaaaaaaa', line(NEW));
    expect(await found()).to.equal(NEW.id);
  });

  it('is the newest of several', async () => {
    await leave('bbbbbbbb', line(OLD), 1_700_000_001);
    await leave('aaaaaaaa', line(NEW), 1_700_000_003);
    await leave('cccccccc', line(record('003', 'web-01', 'any', 'c'.repeat(64))), 1_700_000_002);
    expect(await found()).to.equal(NEW.id);
    await leave('cccccccc', line(record('003', 'web-01', 'any', 'c'.repeat(64))), 1_700_000_004);
    expect(await found()).to.equal('003');
  });

  it('is an older one where the newest is no whole one', async () => {
    await leave('aaaaaaaa', line(NEW), 1_700_000_001);
    await leave('bbbbbbbb', line(OLD).slice(0, -1), 1_700_000_002);
    await leave('cccccccc', line(record('003', 'db-01', 'any', 'c'.repeat(64))), 1_700_000_003);
    expect(await found()).to.equal(NEW.id);
  });

  it('is none where a part of it is missing, whatever its length', async () => {
    const whole = line(NEW);
    for (let length = 0; length < whole.length; length += 1) {
      await leave('aaaaaaaa', whole.slice(0, length));
      expect(await found(), `${length}`).to.equal(undefined);
    }
    await leave('aaaaaaaa', whole);
    expect(await found()).to.equal(NEW.id);
  });

  it('is none where there is more in the file than one record', async () => {
    for (const text of [
      '\n',
      '\0'.repeat(4096),
      `# ${line(NEW)}`,
      ` ${line(NEW)}`,
      line(OLD) + line(NEW),
      `${line(NEW)}\n`,
      line(NEW).replace('\n', '\r\n'),
      line(NEW).replace('\n', '\r'),
      line(NEW).replace('\n', 'b'),
      line(NEW).replace(' web-01', ' !web-01'),
      line(NEW).replace('10.0.0.5', 'nowhere'),
      line(NEW).padEnd(100_000, '\n'),
    ]) {
      await leave('aaaaaaaa', text);
      expect(await found(), text.slice(0, 40)).to.equal(undefined);
    }
  });

  it('is for the name that was asked for', async () => {
    await leave('aaaaaaaa', line(NEW));
    for (const name of ['db-01', 'web-010', 'web', 'eb-01', 'WEB-01', '']) {
      expect(await found(name), name).to.equal(undefined);
    }
  });

  it('is for that name with the number that OSSEC puts behind one that it has', async () => {
    for (const [given, is] of [
      ['web-012', true],
      ['web-01999', true],
      ['web-019999', false],
      ['web-01a', false],
      ['web-01-2', false],
      ['2web-01', false],
    ] as const) {
      await leave('aaaaaaaa', line(record('007', given, 'any', 'd'.repeat(64))));
      expect(await found(), given).to.equal(is ? '007' : undefined);
    }
  });

  describe('is not taken from', () => {
    it("somebody else's file", async function () {
      if (!isRoot) this.skip(); // Only root can give files away.
      await leave('bbbbbbbb', line(OLD), 1_700_000_001);
      await leave('aaaaaaaa', line(NEW), 1_700_000_002);
      await chown(at('aaaaaaaa'), OTHER.uid, OTHER.gid);
      expect(await found()).to.equal(OLD.id);
      await rm(at('bbbbbbbb'));
      expect(await found()).to.equal(undefined);
    });

    it('a directory or a FIFO', async () => {
      await mkdir(at('aaaaaaaa'));
      makeFifo(at('bbbbbbbb'));
      await leave('cccccccc', line(NEW), 1_600_000_000);
      expect(await found()).to.equal(NEW.id);
    });

    it("a link of somebody else's, or one into nowhere", async function () {
      const elsewhere = join(agent.home, 'elsewhere');
      await writeFile(elsewhere, line(NEW));
      await symlink('/nowhere', at('bbbbbbbb'));
      expect(await found()).to.equal(undefined);
      if (!isRoot) this.skip(); // Only root can give links away.
      await symlink(elsewhere, at('aaaaaaaa'));
      await lchown(at('aaaaaaaa'), OTHER.uid, OTHER.gid);
      expect(await found()).to.equal(undefined);
    });

    it("another name of a file of root's, in a directory where others give names", async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      const elsewhere = join(agent.home, 'elsewhere');
      await writeFile(elsewhere, line(NEW));
      await link(elsewhere, at('aaaaaaaa'));
      expect(await found()).to.equal(NEW.id);
      await chown(dirname(agent.keysFile), OTHER.uid, OTHER.gid);
      expect(await found()).to.equal(undefined);
    });

    it('a file of another name, a backup of one, or one of another file', async () => {
      for (const name of [
        '.client.keys.agent-enroll-aaaaaaaa.tmp.bak',
        'client.keys.agent-enroll-aaaaaaaa.tmp',
        '.client.keys.agent-enroll-AAAAAAAA.tmp',
        '.client.keys.agent-enroll-aaaa.tmp',
        '.other.keys.agent-enroll-aaaaaaaa.tmp',
        '.client.keys.tmp',
      ]) {
        await writeFile(join(dirname(agent.keysFile), name), line(NEW));
      }
      expect(await found()).to.equal(undefined);
    });
  });

  it('is removed with its parts once it is of no more use, and client.keys stays', async () => {
    await writeFile(agent.keysFile, line(OLD));
    await leave('aaaaaaaa', line(NEW));
    await leave('bbbbbbbb', 'half of a');
    await removeLeftoverKeys(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
    await removeLeftoverKeys(installationAt(join(agent.home, 'none')), disk);
  });

  it('lies where client.keys leads to, if that is a link', async () => {
    await mkdir(join(agent.home, 'data'));
    await symlink('../data/the.keys', agent.keysFile);
    await leave('aaaaaaaa', line(OLD));
    expect(await found()).to.equal(undefined);
    await writeFile(join(agent.home, 'data', '.the.keys.agent-enroll-aaaaaaaa.tmp'), line(NEW));
    expect(await found()).to.equal(NEW.id);
  });

  it('is told apart from one that nobody can look for', async () => {
    const closed = watched(disk, (operation, path) => {
      if (operation === 'directory' && path === dirname(agent.keysFile)) throw systemError('EACCES');
    });
    const error = await failure(leftoverKey(agent, 'web-01', closed));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain(agent.keysFile);
  });

  it('shows nothing of its key where it is refused or found', async () => {
    await leave('aaaaaaaa', line(NEW));
    const left: AgentRecord | undefined = await leftoverKey(agent, 'web-01', disk);
    expect(JSON.stringify(left)).to.not.contain(NEW.key.reveal());
  });
});
