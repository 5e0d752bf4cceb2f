import { chmod, chown, lchown, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { Untouched } from '../../src/files/file-error.js';
import { ensureDirectory, isBelow, withDirectories } from '../../src/keystore/agent-directories.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, OTHER, thrownBy } from '../files/scratch.js';
import { installationAt, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();
const ACCOUNT = { user: 'wazuh', group: 'wazuh', ...OTHER };

describe('a path below a directory', () => {
  it('is told by whole names', () => {
    for (const [path, directory, is] of [
      ['/var/ossec/etc/client.keys', '/var/ossec', true],
      ['/var/ossec/etc/client.keys', '/var/ossec/', true],
      ['/var/ossec/./etc//client.keys', '/var/ossec', true],
      ['/var/ossec/..etc/client.keys', '/var/ossec', true],
      ['/var/ossec/../etc/client.keys', '/var/ossec', false],
      ['/var/ossec-2/client.keys', '/var/ossec', false],
      ['/var/ossec', '/var/ossec', false],
      ['/var', '/var/ossec', false],
      ['/client.keys', '/', true],
    ] as const) {
      expect(isBelow(path, directory), `${path} in ${directory}`).to.equal(is);
    }
  });
});

describe("the agent's directories", () => {
  let agent: AgentInstallation;
  let bare: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome([]);
    bare = installationAt(join(agent.home, 'bare'));
  });
  afterEach(() => removeHome(agent));

  const facts = async (path: string) => {
    const { mode, uid, gid } = await stat(path);
    return { mode: mode & 0o7777, uid, gid };
  };
  const untouched = async (work: Promise<unknown>) => {
    const error = await thrownBy(work);
    expect(error).to.be.instanceOf(Untouched);
    return error instanceof Untouched ? error : expect.fail();
  };

  it('are left as they are where they are there', async () => {
    const etc = join(agent.home, 'etc');
    await mkdir(etc);
    await chmod(etc, 0o700);
    const made: string[] = [];
    await ensureDirectory(etc, 'agent directory', { ...agent, account: ACCOUNT }, made, disk);
    expect(made).to.deep.equal([]);
    expect((await facts(etc)).mode).to.equal(0o700);
  });

  it('are made with their owners and modes whatever the umask, the outermost first', async () => {
    const made: string[] = [];
    const umask = process.umask(0o077);
    const installed = isRoot ? { ...bare, account: ACCOUNT } : bare;
    try {
      await ensureDirectory(join(bare.home, 'etc'), 'agent directory', installed, made, disk);
      await ensureDirectory(join(bare.home, 'queue', 'rids'), 'counter directory', installed, made, disk);
    } finally {
      process.umask(umask);
    }
    const paths = ['', 'etc', 'queue', 'queue/rids'].map((part) => join(bare.home, part));
    expect(made).to.deep.equal(paths);
    const modes = await Promise.all(paths.map(async (path) => (await facts(path)).mode));
    expect(modes).to.deep.equal([0o750, 0o750, 0o750, 0o770]);
    if (!isRoot) return;
    const owners = await Promise.all(paths.map(async (path) => (await facts(path)).uid));
    expect(owners).to.deep.equal([0, 0, 0, OTHER.uid]);
    const groups = await Promise.all(paths.map(async (path) => (await facts(path)).gid));
    expect(groups).to.deep.equal(paths.map(() => OTHER.gid));
  });

  it('are not made above the home', async () => {
    const nowhere = installationAt(join(agent.home, 'no', 'home'));
    for (const path of [nowhere.home, join(nowhere.home, 'etc')]) {
      const error = await untouched(ensureDirectory(path, 'agent directory', nowhere, [], disk));
      expect(error.message).to.equal(`there is no directory ${join(agent.home, 'no')}`);
      expect(error.hint).to.contain('--agent-home').and.to.contain('--keys');
    }
    expect(await readdir(agent.home)).to.deep.equal([]);
  });

  it('are not made deeper in the home than an agent has them, or outside', async () => {
    for (const path of [join(agent.home, 'etc', 'deep'), join(agent.home, '..', 'elsewhere'), `${agent.home}-2`]) {
      const error = await untouched(ensureDirectory(path, 'agent directory', agent, [], disk));
      expect(error.message).to.equal(`there is no directory ${path}`);
    }
    expect(await readdir(agent.home)).to.deep.equal([]);
  });

  it('are not made in the place of something else', async () => {
    const etc = join(agent.home, 'etc');
    await writeFile(etc, 'precious');
    const error = await untouched(ensureDirectory(etc, 'agent directory', agent, [], disk));
    expect(error.message).to.equal(`${etc} is not a directory`);
    const within = await thrownBy(ensureDirectory(join(etc, 'rids'), 'counter directory', agent, [], disk));
    expect(String(within)).to.match(/not a directory|ENOTDIR/);
  });

  it("may be a link of root's, and none of somebody else's", async function () {
    const elsewhere = join(agent.home, 'elsewhere');
    const etc = join(agent.home, 'etc');
    await mkdir(elsewhere);
    await symlink(elsewhere, etc);
    await ensureDirectory(etc, 'agent directory', agent, [], disk);
    if (!isRoot) this.skip(); // Only root can give links away.
    await lchown(etc, OTHER.uid, OTHER.gid);
    const error = await untouched(ensureDirectory(etc, 'agent directory', agent, [], disk));
    expect(error.message).to.contain(`belongs to another user (${OTHER.uid})`);
  });

  it('are made by one of two that need them at once, and neither fails', async () => {
    const etc = join(bare.home, 'etc');
    const lists: string[][] = [[], [], [], []];
    await Promise.all(lists.map((made) => ensureDirectory(etc, 'agent directory', bare, made, disk)));
    expect(lists.flat().sort()).to.deep.equal([bare.home, etc]);
  });

  it('belong to the group of the directory they are made in where no account is known', async function () {
    if (!isRoot) this.skip(); // Only root can give directories away.
    await chown(agent.home, 0, OTHER.gid);
    await ensureDirectory(join(agent.home, 'etc'), 'agent directory', agent, [], disk);
    expect(await facts(join(agent.home, 'etc'))).to.deep.equal({ mode: 0o750, uid: 0, gid: OTHER.gid });
  });

  describe('around a step', () => {
    const step =
      (then: () => Promise<unknown> = async () => {}, edge: FileEdge = disk) =>
      async (made: string[]) => {
        await ensureDirectory(join(bare.home, 'etc'), 'agent directory', bare, made, edge);
        return await then();
      };

    it('are none before the step makes them', async () => {
      expect(await withDirectories(disk, 'kept', async (made) => [...made])).to.deep.equal([]);
    });

    it('stay where it went well', async () => {
      expect(
        await withDirectories(
          disk,
          'kept',
          step(async () => 'done'),
        ),
      ).to.equal('done');
      expect(await readdir(bare.home)).to.deep.equal(['etc']);
    });

    it('are taken away where it was a rehearsal', async () => {
      expect(
        await withDirectories(
          disk,
          'rehearsed',
          step(async () => 'done'),
        ),
      ).to.equal('done');
      expect(await readdir(agent.home)).to.deep.equal([]);
    });

    it('are taken away where it failed, with its failure', async () => {
      const fault = new Error('the step');
      for (const keep of ['kept', 'rehearsed'] as const) {
        const work = withDirectories(
          disk,
          keep,
          step(() => Promise.reject(fault)),
        );
        expect(await thrownBy(work)).to.equal(fault);
        expect(await readdir(agent.home)).to.deep.equal([]);
      }
    });

    it('are taken away where one of them could not be made', async () => {
      const edge = watched(disk, (operation, path) => {
        if (operation === 'makeDirectory' && path.endsWith('etc')) throw systemError('ENOSPC');
      });
      expect(await thrownBy(withDirectories(edge, 'kept', step(undefined, edge)))).to.have.property('code', 'ENOSPC');
      expect(await readdir(agent.home)).to.deep.equal([]);
    });

    it('stay where something was put into them', async () => {
      const put = () => writeFile(join(bare.home, 'etc', 'ossec.conf'), '');
      await withDirectories(disk, 'rehearsed', step(put));
      expect(await readdir(join(bare.home, 'etc'))).to.deep.equal(['ossec.conf']);
    });

    it('stay where they were there before', async () => {
      await mkdir(bare.home);
      await withDirectories(disk, 'rehearsed', step());
      expect(await readdir(bare.home)).to.deep.equal([]);
      await rm(bare.home, { recursive: true });
    });
  });
});
