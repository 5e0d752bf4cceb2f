import { chmod, chown, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { UndurableError } from '../../src/files/file-error.js';
import { putAnchorAround, readAnchor } from '../../src/keystore/anchor.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, OTHER } from '../files/scratch.js';
import { failure, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

describe('the anchor of a Wazuh 5', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome(['etc']);
  });
  afterEach(() => removeHome(agent));

  const put = (edge: FileEdge = disk, to = agent) => putAnchorAround(PEM, to, edge, async () => {});

  it('has its bytes and its name on the disk before the key is put in its place', async () => {
    const certs = join(agent.home, 'etc', 'certs');
    await mkdir(certs);
    const seen: string[] = [];
    const edge = watched(nodeFileEdge(), (operation, path) => {
      if (!path.startsWith(certs) || !/^(open wx|write|sync|rename)/.test(operation)) return;
      const name = path.slice(certs.length + 1);
      seen.push(`${operation} ${/^\.root-ca\.pem\..*\.tmp$/.test(name) ? 'temporary' : name}`.trim());
    });
    await putAnchorAround(PEM, agent, edge, async () => {
      seen.push('the key');
    });
    expect(seen.slice(0, 7)).to.deep.equal([
      'open wx temporary',
      'write temporary',
      'sync temporary',
      'sync directory',
      'the key',
      'rename root-ca.pem',
      'sync directory',
    ]);
  });

  it('follows a key that is in its place, if the disk did not confirm that', async () => {
    const unconfirmed = new UndurableError(agent.keysFile, new Error('no space is left'));
    const put = putAnchorAround(PEM, agent, nodeFileEdge(), () => Promise.reject(unconfirmed));
    expect(await put.catch((error: unknown) => error)).to.equal(unconfirmed);
    expect((await readdir(join(agent.home, 'etc', 'certs'))).sort()).to.deep.equal([
      '.anchor-committed',
      'root-ca.pem',
    ]);
  });

  it('is gone where the key was not put in its place', async () => {
    const failed = new EnrollError('FILE_UNWRITABLE', 'no key');
    const put = putAnchorAround(PEM, agent, nodeFileEdge(), () => Promise.reject(failed));
    expect(await put.catch((error: unknown) => error)).to.equal(failed);
    expect(await readdir(join(agent.home, 'etc'))).to.deep.equal([]);
  });

  it("is the agent's where neither root nor the user who runs this wrote it", async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    const { anchor } = belongingsPaths(agent);
    await put();
    expect(await readAnchor(agent, { ...disk, uid: OTHER.uid })).to.deep.equal({ pem: PEM });
    await chown(anchor, OTHER.uid, OTHER.gid);
    expect(await readAnchor(agent, { ...disk, uid: OTHER.uid })).to.deep.equal({ pem: PEM });
    expect(await readAnchor(agent, { ...disk, uid: OTHER.uid + 1 })).to.deep.equal({ pem: PEM, agents: true });
  });

  describe('has a marker', () => {
    const marker = () => belongingsPaths(agent).marker;
    /** How often the marker is written by putting the anchor. */
    const written = async () => {
      let count = 0;
      await put(
        watched(disk, (operation, path) => {
          if (operation === 'rename' && path === marker()) count += 1;
        }),
      );
      return count;
    };

    it('that is not written again where it is there as it should be', async () => {
      expect(await written()).to.equal(1);
      expect(await written()).to.equal(0);
    });

    it('that is empty, and for the agent to read, whatever lay there', async () => {
      await put();
      await writeFile(marker(), 'rubbish');
      expect(await written()).to.equal(1);
      expect(await readFile(marker(), 'utf8')).to.equal('');
      await chmod(marker(), 0o666);
      expect(await written()).to.equal(1);
      expect((await stat(marker())).mode & 0o7777).to.equal(0o640);
    });

    it('that is no directory', async () => {
      const { directory } = belongingsPaths(agent);
      await mkdir(marker(), { recursive: true });
      await chmod(marker(), 0o640);
      expect((await failure(put())).message).to.contain(marker());
      expect(await readdir(directory)).to.include('root-ca.pem');
    });
  });

  describe('in a certs directory that was there', () => {
    const directory = () => belongingsPaths(agent).directory;
    const mode = async (path = directory()) => (await stat(path)).mode & 0o7777;

    it("is put there as it is, where it is another user's and no root runs this", async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await mkdir(directory(), { mode: 0o700 });
      await put({ ...disk, uid: OTHER.uid });
      expect(await mode()).to.equal(0o700);
      await chown(directory(), OTHER.uid, OTHER.gid);
      await put({ ...disk, uid: OTHER.uid });
      expect(await mode()).to.equal(0o1770);
    });

    it("gets root's owner and mode, whoever's it was, where root runs this", async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await mkdir(directory(), { mode: 0o700 });
      await chown(directory(), OTHER.uid, OTHER.gid);
      await put(disk, { ...agent, account: { user: 'wazuh', group: 'wazuh', ...OTHER } });
      const { uid, gid } = await stat(directory());
      expect({ uid, gid, mode: await mode() }).to.deep.equal({ uid: 0, gid: OTHER.gid, mode: 0o1770 });
    });

    it('is not put there where that cannot be given its mode, which is told', async () => {
      await mkdir(directory(), { mode: 0o700 });
      const stuck = watched(disk, (operation, path) => {
        if (operation === 'chmod' && path === directory()) throw systemError('EPERM');
      });
      const error = await failure(put(stuck));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.equal(`${directory()} cannot be written: the system does not allow it (EPERM).`);
      expect(await readdir(directory())).to.deep.equal([]);
    });

    it('opens nothing else to the agent, be it exchanged for an empty one while it is looked at', async () => {
      await mkdir(directory(), { mode: 0o700 });
      await writeFile(join(directory(), 'private.key'), '');
      const aside = `${directory()}.aside`;
      let opened = 0;
      let turn = 0;
      const swapping = watched(
        disk,
        async (operation, path) => {
          // It is opened to write the anchor in it, and then to be looked into.
          if (operation !== 'directory' || path !== directory()) return;
          opened += 1;
          if (opened !== 2) return;
          turn = 1;
          await rename(directory(), aside);
          await mkdir(directory());
        },
        async (operation, path) => {
          if (turn !== 1 || operation !== 'close directory' || path !== directory()) return;
          turn = 2;
          await rename(directory(), `${directory()}.empty`);
          await rename(aside, directory());
        },
      );
      await put(swapping).catch(() => undefined);
      expect(turn).to.equal(2);
      expect(await readdir(directory())).to.include('private.key');
      expect(await mode()).to.equal(0o700);
    });

    it('holds no directory open afterwards', async () => {
      await mkdir(directory(), { mode: 0o700 });
      let open = 0;
      const count = (operation: string) => {
        if (operation === 'root' || operation === 'directory') open += 1;
        if (operation === 'close directory') open -= 1;
      };
      await put(watched(disk, () => {}, count));
      expect(open).to.equal(0);
    });
  });
});
