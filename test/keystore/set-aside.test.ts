import { chown, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import { installKey } from '../../src/keystore/client-keys.js';
import { rehearseSettingAside, setAside } from '../../src/keystore/set-aside.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, unsynced, watched } from '../files/faulty.js';
import { isRoot, OTHER } from '../files/scratch.js';
import { filesFound, filesOf, NEW_KEY, OLD_KEY, putWhole } from './belongings-scene.js';
import { failure, filesBelow, line, NEW, OLD, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();
const NOTHING = { keys: undefined, secret: undefined, anchor: undefined, marker: undefined };

describe('keystore/set-aside', () => {
  let agent: AgentInstallation;
  let aside: string;
  beforeEach(async () => {
    agent = await scratchHome();
    aside = `${agent.keysFile}.retired`;
  });
  afterEach(() => removeHome(agent));

  const text = (path: string) => readFile(path, 'utf8');
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);

  it('takes the key out of its place, and keeps it beside it for root alone', async () => {
    await installKey(OLD, agent, disk);
    await rehearseSettingAside(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
    expect(await setAside(agent, disk)).to.equal(aside);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys.retired']);
    expect(await text(aside)).to.equal(line(OLD));
    expect(await modeOf(aside)).to.equal('600');
  });

  it('keeps every line of the file', async () => {
    const whole = `# by hand\n${line(OLD)}003 !old any ${'c'.repeat(64)}\n`;
    await writeFile(agent.keysFile, whole);
    await setAside(agent, disk);
    expect(await text(aside)).to.equal(whole);
  });

  it('takes the place of one that was set aside before', async () => {
    await installKey(OLD, agent, disk);
    await setAside(agent, disk);
    await installKey(NEW, agent, disk);
    await setAside(agent, disk);
    expect(await text(aside)).to.equal(line(NEW));
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys.retired']);
  });

  it('has nothing to do where there is no key, not even a directory', async () => {
    expect(await setAside(agent, disk)).to.equal(undefined);
    const bare = { ...agent, keysFile: join(agent.home, 'missing', 'client.keys') };
    expect(await setAside(bare, disk)).to.equal(undefined);
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('takes with it what a Wazuh 5 gave: secret and anchor are kept, the marker goes', async () => {
    await putWhole(OLD_KEY, agent, disk);
    await rehearseSettingAside(agent, disk);
    expect(await filesFound(agent)).to.deep.equal(filesOf(OLD_KEY));
    await setAside(agent, disk);
    expect(await filesFound(agent)).to.deep.equal(NOTHING);
    const { keys, secret, anchor } = filesOf(OLD_KEY);
    const paths = belongingsPaths(agent);
    expect(await text(aside)).to.equal(keys);
    expect(await text(`${paths.secret}.retired`)).to.equal(secret);
    expect(await text(`${paths.anchor}.retired`)).to.equal(anchor);
    expect(await modeOf(`${paths.secret}.retired`)).to.equal('600');
    expect(await filesBelow(agent.home)).to.deep.equal([
      'etc/certs/root-ca.pem.retired',
      'etc/client.keys.retired',
      'etc/reenroll.secret.retired',
    ]);
    // Another key finds its places free.
    await putWhole(NEW_KEY, agent, disk);
    expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
  });

  it('leaves a CA alone that came with no key: ossec.conf may name it', async () => {
    await installKey(OLD, agent, disk);
    const { directory, anchor } = belongingsPaths(agent);
    await mkdir(directory);
    await writeFile(anchor, 'by hand');
    await rehearseSettingAside(agent, disk);
    await setAside(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/certs/root-ca.pem', 'etc/client.keys.retired']);
  });

  it('removes what killed runs left of keys, beside both places', async () => {
    await installKey(OLD, agent, disk);
    for (const name of ['client.keys', 'client.keys.retired']) {
      await writeFile(join(agent.home, 'etc', `.${name}.agent-enroll-0123abcd.tmp`), line(NEW));
    }
    await setAside(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys.retired']);
  });

  it('leaves a link in its place’s directory alone, and what it leads to is set aside there', async () => {
    const volume = join(agent.home, 'volume');
    await mkdir(volume);
    await writeFile(join(volume, 'client.keys'), line(OLD));
    await symlink(join(volume, 'client.keys'), agent.keysFile);
    expect(await setAside(agent, disk)).to.equal(join(volume, 'client.keys.retired'));
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys', 'volume/client.keys.retired']);
  });

  it('refuses the keys of several agents, and leaves them', async () => {
    await writeFile(agent.keysFile, `${line(OLD)}${line(NEW)}`);
    const error = await failure(rehearseSettingAside(agent, disk));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.include('several agents');
    expect(await text(agent.keysFile)).to.equal(`${line(OLD)}${line(NEW)}`);
  });

  it('refuses, before anything is done, what could not be taken away', async () => {
    await putWhole(OLD_KEY, agent, disk);
    const full = watched(disk, (operation, path) => {
      if (operation === 'write' && path.includes('retired')) throw systemError('ENOSPC');
    });
    const error = await failure(rehearseSettingAside(agent, full));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(await filesFound(agent)).to.deep.equal(filesOf(OLD_KEY));
  });

  it('refuses, before anything is done, where something lies beside it that no file can take the place of', async () => {
    await installKey(OLD, agent, disk);
    await mkdir(aside);
    const error = await failure(rehearseSettingAside(agent, disk));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.include(aside);
    expect(await text(agent.keysFile)).to.equal(line(OLD));
  });

  it('neither follows nor replaces a link that lies there', async () => {
    await installKey(OLD, agent, disk);
    await writeFile(join(agent.home, 'target'), 'untouched');
    await symlink(join(agent.home, 'target'), aside);
    for (const work of [rehearseSettingAside, setAside]) await work(agent, disk).catch(() => undefined);
    expect(await text(join(agent.home, 'target'))).to.equal('untouched');
  });

  it('does not take away a key that another process has put there meanwhile', async () => {
    await installKey(OLD, agent, disk);
    const raced = watched(disk, async (operation, path) => {
      if (operation !== 'rename' || !path.includes('client.keys')) return;
      await writeFile(join(agent.home, 'etc', 'new'), line(NEW));
      await rename(join(agent.home, 'etc', 'new'), agent.keysFile);
    });
    const error = await failure(setAside(agent, raced));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.include('another process');
    expect(await text(agent.keysFile)).to.equal(line(NEW));
  });

  describe('cut off at any operation on the disk', () => {
    // No power is cut.
    const quick = unsynced(disk);

    it('leaves the key whole in its place, or set aside with all that belongs to it, and goes on the next time', async () => {
      const count = async (failAt: number) => {
        let operations = 0;
        const cut = watched(quick, () => {
          operations += 1;
          if (operations >= failAt) throw systemError('EIO');
        });
        await setAside(agent, cut).catch(() => undefined);
        return operations;
      };
      await putWhole(OLD_KEY, agent, quick);
      const all = await count(Number.POSITIVE_INFINITY);
      expect(all).to.be.above(20);
      for (let at = 1; at <= all; at++) {
        await removeHome(agent);
        agent = await scratchHome();
        await putWhole(OLD_KEY, agent, quick);
        await count(at);
        const { keys, secret, anchor, marker } = await filesFound(agent);
        const expected = filesOf(OLD_KEY);
        // With the marker and without the anchor the daemon does not start.
        expect(marker !== undefined && anchor === undefined, `at ${at}`).to.equal(false);
        if (keys === undefined)
          expect([secret, anchor, marker], `at ${at}`).to.deep.equal([undefined, undefined, undefined]);
        else expect(keys, `at ${at}`).to.equal(expected.keys);
        await setAside(agent, quick);
        expect(await filesFound(agent), `after ${at}`).to.deep.equal(NOTHING);
        expect(await text(`${agent.keysFile}.retired`), `after ${at}`).to.equal(expected.keys);
        expect(await text(`${belongingsPaths(agent).secret}.retired`), `after ${at}`).to.equal(expected.secret);
        expect(
          (await filesBelow(agent.home)).filter((name) => name.endsWith('.tmp')),
          `after ${at}`,
        ).to.deep.equal([]);
      }
    });
  });

  it('is root’s where the directory is the agent’s', async function () {
    if (!isRoot) this.skip();
    await installKey(OLD, { ...agent, account: { user: 'wazuh', group: 'wazuh', ...OTHER } }, disk);
    await chown(dirname(agent.keysFile), 0, OTHER.gid);
    await setAside({ ...agent, account: { user: 'wazuh', group: 'wazuh', ...OTHER } }, disk);
    const { uid, gid, mode } = await stat(aside);
    expect([uid, gid, (mode & 0o7777).toString(8)]).to.deep.equal([0, 0, '600']);
  });
});
