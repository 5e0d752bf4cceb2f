import { chmod, chown, lchown, mkdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { installersFiles } from '../../src/host/agent-home.js';
import { earlierAnchor, readAnchor } from '../../src/keystore/anchor.js';
import {
  finishBelongings,
  installAnchor,
  installBelongings,
  rehearseBelongings,
  removeUsedToken,
} from '../../src/keystore/belongings.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, makeFifo, OTHER } from '../files/scratch.js';
import { wazuh5 } from '../wazuh5.js';
import { begunNow, FILES, filesFound, filesOf, layBefore, NEW_KEY, OLD_KEY, putWhole } from './belongings-scene.js';
import { failure, filesBelow, record, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();
const ACCOUNT = { user: 'wazuh', group: 'wazuh', ...OTHER };

describe('keystore/belongings', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = { ...(await scratchHome()), account: ACCOUNT };
  });
  afterEach(() => removeHome(agent));

  const access = async (path: string) => {
    const { mode, uid, gid } = await stat(path);
    return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
  };
  const put = (edge: FileEdge = disk) => putWhole(NEW_KEY, agent, edge);

  it('writes what the known answers of a manager become', async () => {
    for (const { answer, ...files } of wazuh5.files) {
      const [id = '', name = '', ip = '', key = ''] = files['client.keys'].trim().split(' ');
      const reenroll = { id: answer.id, secret: new Secret(answer.reenroll_secret) };
      const { anchor } = NEW_KEY.belongings;
      await putWhole({ record: record(id, name, ip, key), belongings: { anchor, reenroll } }, agent, disk);
      expect(await filesFound(agent)).to.deep.equal({
        keys: files['client.keys'],
        secret: files['reenroll.secret'],
        anchor,
        marker: '',
      });
    }
  });

  it('writes in the order that the daemon can go on from', async () => {
    const order: string[] = [];
    const edge = watched(disk, (operation, path) => {
      if (operation === 'open wx' || operation === 'rename') {
        order.push(`${operation} ${path.slice(agent.home.length + 1).replace(/\.agent-enroll-\w+/, '')}`);
      }
    });
    await put(edge);
    expect(order).to.deep.equal([
      'open wx etc/certs/.root-ca.pem.tmp',
      'open wx etc/.reenroll.secret.tmp',
      'rename etc/reenroll.secret',
      'open wx etc/.client.keys.tmp',
      'rename etc/client.keys',
      'rename etc/certs/root-ca.pem',
      'open wx etc/certs/..anchor-committed.tmp',
      'rename etc/certs/.anchor-committed',
    ]);
  });

  it("has the owners and modes of the agent's own", async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    const { directory, anchor, marker, secret } = belongingsPaths(agent);
    const agents = `${OTHER.uid}:${OTHER.gid} 640`;
    const roots = `0:${OTHER.gid} 640`;
    const before = process.umask(0o077);
    try {
      await put();
    } finally {
      process.umask(before);
    }
    expect(await access(secret)).to.equal(agents);
    expect(await access(anchor)).to.equal(agents);
    expect(await access(marker)).to.equal(roots);
    expect(await access(agent.keysFile)).to.equal(roots);
    expect(await access(directory)).to.equal(`0:${OTHER.gid} 1770`);
  });

  it('restricts the secret and the key on Windows, and lets the rest inherit', async () => {
    const windows = { ...agent, platform: 'windows', keysFile: join(agent.home, 'client.keys') } as const;
    const restricted: string[] = [];
    const edge = watched(disk, (operation, path) => {
      if (operation.startsWith('acl')) restricted.push(path.replace(/^.*[\\/]|\.agent-enroll-.*$/g, ''));
    });
    await putWhole(NEW_KEY, windows, edge);
    expect(await filesFound(windows)).to.deep.equal(filesOf(NEW_KEY));
    expect(restricted).to.deep.equal(['.reenroll.secret', '.client.keys']);
  });

  describe('a certs directory that was there', () => {
    const directory = () => belongingsPaths(agent).directory;

    it('gets owner and mode where it holds nothing else', async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      for (const mode of [0o755, 0o700, 0o777]) {
        await mkdir(directory(), { recursive: true });
        await chown(directory(), 0, 0);
        await chmod(directory(), mode);
        await put();
        expect(await access(directory())).to.equal(`0:${OTHER.gid} 1770`);
      }
    });

    it('is opened to nobody where it holds something else, and closed to writers', async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await mkdir(directory());
      await writeFile(join(directory(), 'private.key'), '');
      await chown(directory(), 0, 4711);
      for (const [mode, after] of [
        [0o700, '700'],
        [0o755, '755'],
        [0o757, '755'],
        [0o770, '1770'],
        [0o777, '1775'],
      ] as const) {
        await chmod(directory(), mode);
        await put();
        expect(await access(directory())).to.equal(`0:4711 ${after}`);
      }
    });

    it("is refused where it is a link of the agent's user, before and after the manager is asked", async function () {
      if (!isRoot) this.skip(); // Only root can give links away.
      const elsewhere = join(agent.home, 'elsewhere');
      await mkdir(elsewhere, { mode: 0o755 });
      await symlink(elsewhere, directory());
      await lchown(directory(), OTHER.uid, OTHER.gid);
      expect((await failure(rehearseBelongings(agent, disk))).code).to.equal('FILE_UNWRITABLE');
      const error = await failure(put());
      expect(error.message).to.contain('symbolic link that belongs to another user');
      expect(await filesBelow(elsewhere)).to.deep.equal([]);
      expect((await filesFound(agent)).keys).to.equal(filesOf(NEW_KEY).keys);
    });
  });

  describe('without a part', () => {
    it('leaves what an earlier key had', async () => {
      await layBefore(agent, OLD_KEY);
      await putWhole({ ...NEW_KEY, belongings: OLD_KEY.belongings }, agent, disk);
      const before = await filesFound(agent);
      let put = 0;
      await installBelongings({}, agent, disk, async () => {
        put += 1;
      });
      expect(put).to.equal(1);
      expect(await filesFound(agent)).to.deep.equal(before);
    });

    it('tells of the anchor of an earlier key, and of the mark of one', async () => {
      expect(await earlierAnchor(agent, disk)).to.equal(undefined);
      await layBefore(agent, OLD_KEY);
      const { anchor, marker } = belongingsPaths(agent);
      expect(await earlierAnchor(agent, disk)).to.contain(anchor);
      await rm(anchor);
      expect(await earlierAnchor(agent, disk))
        .to.contain(marker)
        .and.to.contain('does not start');
    });

    it('makes no marker where there is no anchor', async () => {
      const { reenroll } = NEW_KEY.belongings;
      await installBelongings({ reenroll }, agent, disk, async () => {});
      expect(await filesBelow(agent.home)).to.deep.equal(['etc/reenroll.secret']);
    });
  });

  it('has a failure of the key told before any other, and no anchor then', async () => {
    await layBefore(agent, OLD_KEY);
    const lost = new EnrollError('FILE_UNWRITABLE', 'The key.');
    let tried = 0;
    const work = installBelongings(NEW_KEY.belongings, agent, disk, () => {
      tried += 1;
      return Promise.reject(lost);
    });
    expect(await failure(work)).to.equal(lost);
    expect(tried).to.equal(1);
    expect(await filesFound(agent)).to.deep.equal({ ...filesOf(OLD_KEY), secret: filesOf(NEW_KEY).secret });
    expect(await filesBelow(agent.home)).to.deep.equal(FILES);
  });

  for (const part of ['secret', 'anchor'] as const) {
    it(`puts the key in its place where the ${part} cannot be written, once, and tells that`, async () => {
      const path = belongingsPaths(agent)[part];
      await mkdir(dirname(path), { recursive: true });
      const full = watched(disk, (operation, at) => {
        if (operation === 'open wx' && at.includes(`/.${part === 'secret' ? 'reenroll.secret' : 'root-ca.pem'}.`))
          throw systemError('ENOSPC');
      });
      let put = 0;
      const work = installBelongings(NEW_KEY.belongings, agent, full, async () => {
        put += 1;
      });
      expect((await failure(work)).message)
        .to.contain(path)
        .and.to.contain('no space is left');
      expect(put).to.equal(1);
      const found = await filesFound(agent);
      expect(found[part === 'secret' ? 'anchor' : 'secret']).to.equal(
        filesOf(NEW_KEY)[part === 'secret' ? 'anchor' : 'secret'],
      );
    });
  }

  describe('rehearsed', () => {
    it('finds what could not be replaced', async () => {
      const { secret, anchor, marker } = belongingsPaths(agent);
      await mkdir(dirname(anchor));
      for (const path of [secret, anchor, marker]) {
        makeFifo(path);
        const error = await failure(rehearseBelongings(agent, disk));
        expect(error.code).to.equal('FILE_UNWRITABLE');
        expect(error.message).to.contain(path).and.to.contain('FIFO');
        await rm(path);
      }
      await rehearseBelongings(agent, disk);
      expect(await filesBelow(agent.home)).to.deep.equal([]);
    });

    it('makes no directory that stays', async () => {
      await rehearseBelongings(agent, disk);
      expect(await stat(belongingsPaths(agent).directory).catch(() => 'none')).to.equal('none');
    });

    it('finds a file of another user in a directory that lets only the owner replace it', async function () {
      if (!isRoot) this.skip(); // Only root can give files away.
      await layBefore(agent, OLD_KEY);
      const { directory, anchor } = belongingsPaths(agent);
      await chown(directory, OTHER.uid + 1, OTHER.gid);
      await chmod(directory, 0o1777);
      const error = await failure(rehearseBelongings(agent, { ...disk, uid: OTHER.uid }));
      expect(error.message).to.contain(anchor).and.to.contain('only the owner');
    });
  });

  describe('finished', () => {
    const cutAt = (which: 'anchor' | 'marker') => {
      let dead = false;
      return watched(disk, (operation, path) => {
        dead ||= operation === 'rename' && path === belongingsPaths(agent)[which];
        if (dead) throw systemError('EIO');
      });
    };

    for (const which of ['anchor', 'marker'] as const) {
      it(`has the ${which} where a run was killed before it had that`, async () => {
        await layBefore(agent, which === 'anchor' ? OLD_KEY : undefined);
        const request = begunNow();
        await failure(put(cutAt(which)));
        expect(await filesFound(agent)).to.not.deep.equal(filesOf(NEW_KEY));
        await finishBelongings(agent, request, disk);
        expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
        if (isRoot) expect(await access(belongingsPaths(agent).anchor)).to.equal(`${OTHER.uid}:${OTHER.gid} 640`);
      });
    }

    it('changes nothing of a key that is older than the request', async () => {
      const request = begunNow();
      await failure(put(cutAt('anchor')));
      const anHourAgo = Date.now() / 1000 - 3600;
      await utimes(agent.keysFile, anHourAgo, anHourAgo);
      const before = await filesBelow(agent.home);
      await finishBelongings(agent, request, disk);
      expect(await filesBelow(agent.home)).to.deep.equal(before);
    });

    it('changes nothing of an anchor that is older, and makes no marker without one', async () => {
      const { directory, anchor } = belongingsPaths(agent);
      await writeFile(agent.keysFile, '');
      await finishBelongings(agent, begunNow(), disk);
      await mkdir(directory);
      await writeFile(anchor, 'an older one');
      await writeFile(join(directory, '.root-ca.pem.agent-enroll-aaaaaaaa.tmp'), 'half of a certific');
      const anHourAgo = Date.now() / 1000 - 3600;
      await utimes(anchor, anHourAgo, anHourAgo);
      await finishBelongings(agent, begunNow(), disk);
      expect(await readFile(anchor, 'utf8')).to.equal('an older one');
      expect(await filesBelow(directory)).to.not.include('.anchor-committed');
    });
  });

  describe('an anchor', () => {
    it('is installed alone, for a key that lacks it', async () => {
      await installAnchor(NEW_KEY.belongings.anchor, agent, disk);
      expect(await filesFound(agent)).to.deep.equal({ ...filesOf(NEW_KEY), keys: undefined, secret: undefined });
    });

    it("is read as the file of the agent's user, which it is", async function () {
      expect(await readAnchor(agent, disk)).to.equal(undefined);
      await put();
      const { anchor } = NEW_KEY.belongings;
      expect((await readAnchor(agent, disk))?.pem).to.equal(anchor);
      if (!isRoot) this.skip(); // Only root can give files away.
      expect(await readAnchor(agent, disk)).to.deep.equal({ pem: anchor, agents: true });
      await chown(belongingsPaths(agent).anchor, 0, 0);
      expect(await readAnchor(agent, disk)).to.deep.equal({ pem: anchor });
      await chown(belongingsPaths(agent).anchor, OTHER.uid + 1, 0);
      expect((await failure(readAnchor(agent, disk))).code).to.equal('FILE_UNREADABLE');
    });
  });

  describe('what an installer left', () => {
    const lay = async (path: string) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'used');
    };

    it('is removed once it is used', async () => {
      const { token, anchor } = installersFiles(agent);
      await lay(token);
      await lay(anchor);
      await put();
      expect(await filesBelow(agent.home)).to.deep.equal(['etc/enrollment_token', ...FILES].sort());
      expect(await removeUsedToken(agent, disk)).to.equal(undefined);
      expect(await filesBelow(agent.home)).to.deep.equal(FILES);
      expect(await removeUsedToken(agent, disk)).to.equal(undefined);
    });

    it('is not missed where it is not there, nor the directory, be the disk read-only', async () => {
      const readOnly = watched(disk, (operation) => {
        if (operation === 'unlink') throw systemError('EROFS');
      });
      expect(await removeUsedToken(agent, readOnly)).to.equal(undefined);
      const nowhere = join(agent.home, 'none');
      const at = (home: string) => ({ ...agent, home, keysFile: join(home, 'etc', 'client.keys') });
      expect(await removeUsedToken(at(nowhere), disk)).to.equal(undefined);
      await writeFile(nowhere, '');
      expect(await removeUsedToken(at(nowhere), disk)).to.equal(undefined);
    });

    it('stays where it cannot be removed, which is told', async () => {
      const { token, anchor } = installersFiles(agent);
      await lay(token);
      await lay(anchor);
      const stuck = watched(disk, (operation, path) => {
        if (operation === 'unlink' && (path === token || path === anchor)) throw systemError('EROFS');
      });
      await put(stuck);
      expect(await filesFound(agent)).to.deep.equal(filesOf(NEW_KEY));
      expect(await removeUsedToken(agent, stuck))
        .to.contain(token)
        .and.to.contain('can be removed');
    });
  });
});
