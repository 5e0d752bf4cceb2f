import { chmod, chown, lchown, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../../src/files/file-edge.js';
import { ensureNotesDirectory, notesDirectory, removableBy } from '../../../src/keystore/notes/notes-directory.js';
import { openNotes, readNotes } from '../../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { isRoot, OTHER } from '../../files/scratch.js';
import { failure, installationAt, removeHome, scratchHome } from '../scratch.js';

const disk = nodeFileEdge();

describe("this program's own directory", () => {
  it('lies in the home of the agent whose key is there', () => {
    const home = '/var/ossec';
    for (const keysFile of ['/var/ossec/etc/client.keys', '/var/ossec/client.keys', '/var/ossec/a/b/c/client.keys']) {
      expect(notesDirectory({ home, keysFile }), keysFile).to.equal('/var/ossec/.agent-enroll');
    }
    expect(notesDirectory({ home: '/', keysFile: '/client.keys' })).to.equal('/.agent-enroll');
    expect(notesDirectory({ home: '/var/ossec/', keysFile: '/var/ossec/etc/client.keys' })).to.equal(
      '/var/ossec/.agent-enroll',
    );
  });

  it('lies there too where a directory is only called as if it led out', () => {
    const home = '/var/ossec';
    for (const keysFile of ['/var/ossec/..foo/client.keys', '/var/ossec/...', '/var/ossec/..client.keys']) {
      expect(notesDirectory({ home, keysFile }), keysFile).to.equal('/var/ossec/.agent-enroll');
    }
  });

  it('lies beside a key that is elsewhere', () => {
    const home = '/var/ossec';
    for (const [keysFile, directory] of [
      ['/data/client.keys', '/data'],
      ['/var/ossec-2/client.keys', '/var/ossec-2'],
      ['/var/client.keys', '/var'],
      ['/var/ossec/../keys/client.keys', '/var/keys'],
      ['/client.keys', '/'],
    ] as const) {
      expect(notesDirectory({ home, keysFile }), keysFile).to.equal(join(directory, '.agent-enroll'));
    }
  });

  describe('when it is made sure of', () => {
    let agent: AgentInstallation;
    let path: string;

    beforeEach(async () => {
      agent = await scratchHome();
      path = notesDirectory(agent);
    });
    afterEach(() => removeHome(agent));

    const mode = async (of = path) => (await stat(of)).mode & 0o7777;

    it('is made, for its owner alone whatever the umask', async () => {
      for (const mask of [0, 0o277]) {
        const umask = process.umask(mask);
        const made: string[] = [];
        try {
          await ensureNotesDirectory(agent, made, disk);
        } finally {
          process.umask(umask);
        }
        expect(await mode()).to.equal(0o700);
        expect(made).to.deep.equal([path]);
        await removeHome(agent);
        await mkdir(agent.home);
      }
    });

    it("is root's and no group's, and no account's that the agent has", async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await chown(agent.home, 0, OTHER.gid);
      await ensureNotesDirectory({ ...agent, account: { user: 'wazuh', group: 'wazuh', ...OTHER } }, [], disk);
      const { uid, gid } = await stat(path);
      expect({ uid, gid }).to.deep.equal({ uid: 0, gid: 0 });
    });

    it('is made with the home of a host that has no agent yet, the outermost first', async () => {
      const home = join(agent.home, 'bare');
      const made: string[] = [];
      await ensureNotesDirectory(installationAt(home), made, disk);
      expect(made).to.deep.equal([home, join(home, '.agent-enroll')]);
      expect([await mode(home), await mode(join(home, '.agent-enroll'))]).to.deep.equal([0o750, 0o700]);
    });

    it('is made beside a key outside of the home, but not the directory of that key', async () => {
      const elsewhere = (directory: string) => ({ ...agent, keysFile: join(directory, 'client.keys') });
      const volume = `${agent.home}-volume`;
      const error = await failure(ensureNotesDirectory(elsewhere(volume), [], disk));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.contain(`there is no directory ${volume}`);
      await mkdir(volume);
      try {
        await ensureNotesDirectory(elsewhere(volume), [], disk);
        expect(await readdir(volume)).to.deep.equal(['.agent-enroll']);
        expect(await readdir(agent.home)).to.deep.equal(['etc']);
      } finally {
        await removeHome({ ...agent, home: volume });
      }
    });

    it('is left as it is where it is right', async () => {
      await mkdir(path, { mode: 0o700 });
      const before = await stat(path, { bigint: true });
      const made: string[] = [];
      await ensureNotesDirectory(agent, made, disk);
      expect(made).to.deep.equal([]);
      expect((await stat(path, { bigint: true })).ctimeNs).to.equal(before.ctimeNs);
    });

    it('is narrowed where it is too wide, with what is in it', async () => {
      for (const wide of [0o755, 0o770, 0o701, 0o1700]) {
        await mkdir(path, { recursive: true });
        await writeFile(join(path, 'notes.json'), '{"version":2}', { mode: 0o600 });
        await chmod(path, wide);
        await ensureNotesDirectory(agent, [], disk);
        expect(await mode(), wide.toString(8)).to.equal(0o700);
        expect(await readdir(path)).to.deep.equal(['notes.json']);
      }
    });

    it('is refused where another user has made it before, who is named', async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await mkdir(path, { mode: 0o700 });
      await writeFile(join(path, 'notes.json'), '{"version":2}', { mode: 0o600 });
      await chown(path, OTHER.uid, OTHER.gid);
      const error = await failure(ensureNotesDirectory(agent, [], disk));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.contain(path).and.to.contain(`belongs to another user (${OTHER.uid})`);
      expect(error.hint).to.contain(path);
      for (const work of [() => readNotes(agent, disk), () => openNotes(agent, disk)]) {
        const unread = await failure(work());
        expect(unread.code).to.equal('FILE_UNREADABLE');
        expect(unread.message).to.contain(String(OTHER.uid));
      }
      expect((await stat(path)).uid).to.equal(OTHER.uid);
    });

    it("is refused, a link of another user's and what is no directory", async function () {
      await writeFile(path, '');
      expect((await failure(ensureNotesDirectory(agent, [], disk))).message).to.contain('is not a directory');
      await removeHome(agent);
      await mkdir(join(agent.home, 'etc'), { recursive: true });
      if (!isRoot) this.skip(); // Only root can give links away.
      await symlink('etc', path);
      await lchown(path, OTHER.uid, OTHER.gid);
      expect((await failure(ensureNotesDirectory(agent, [], disk))).message).to.contain('another user');
      expect(await readdir(join(agent.home, 'etc'))).to.deep.equal([]);
    });

    it("may be that of whoever runs this, or root's", async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await mkdir(path, { mode: 0o700 });
      const asOther = { ...disk, uid: OTHER.uid };
      await ensureNotesDirectory(agent, [], asOther);
      await chown(path, OTHER.uid, OTHER.gid);
      await ensureNotesDirectory(agent, [], asOther);
      await chown(path, OTHER.uid + 1, OTHER.gid);
      expect((await failure(ensureNotesDirectory(agent, [], asOther))).message).to.contain(String(OTHER.uid + 1));
    });
  });

  describe('in a directory of others', () => {
    let agent: AgentInstallation;

    beforeEach(async () => {
      agent = await scratchHome();
    });
    afterEach(() => removeHome(agent));

    const asRoot = { ...disk, uid: 0 };

    it('can be taken away by them, which is told with their numbers and the mode', async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await chown(agent.home, 0, OTHER.gid);
      await chmod(agent.home, 0o770);
      expect(await removableBy(agent, asRoot)).to.contain(`${agent.home} (0:${OTHER.gid}, mode 0770)`);
      await chown(agent.home, OTHER.uid, 0);
      await chmod(agent.home, 0o700);
      expect(await removableBy(agent, asRoot)).to.contain(`${agent.home} (${OTHER.uid}:0, mode 0700)`);
    });

    it('cannot be taken away by them where only the owner of a thing may', async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      await chown(agent.home, 0, OTHER.gid);
      await chmod(agent.home, 0o1770);
      expect(await removableBy(agent, asRoot)).to.equal(undefined);
      await chmod(agent.home, 0o750);
      expect(await removableBy(agent, asRoot)).to.equal(undefined);
    });

    it('is nothing to tell of where there is none, or where it is no root who runs this', async () => {
      await chmod(agent.home, 0o777);
      expect(await removableBy(agent, { ...disk, uid: OTHER.uid })).to.equal(undefined);
      expect(await removableBy(installationAt(join(agent.home, 'none')), asRoot)).to.equal(undefined);
    });
  });
});
