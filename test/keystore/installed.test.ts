import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, rename, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import {
  installedAccess,
  installedTimes,
  narrowInstalled,
  ownersOfKeys,
  readInstalled,
} from '../../src/keystore/installed.js';
import { sameRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { isRoot, OTHER } from '../files/scratch.js';
import { failure, filesBelow, line, NEW, OLD, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();

describe('reading the installed key', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  const withText = async (text: string | Uint8Array) => {
    await writeFile(agent.keysFile, text);
    return (await readInstalled(agent, disk))?.record;
  };

  it('finds none where no file is, or an empty one', async () => {
    expect(await readInstalled(agent, disk)).to.equal(undefined);
    expect(await withText('')).to.equal(undefined);
    expect(await withText('\n# none\n')).to.equal(undefined);
  });

  it('finds the first entry, with the line ends of Windows too', async () => {
    const found = await withText(`# x\r\n${line(NEW).replace('\n', '\r\n')}${line(OLD)}`);
    expect(found !== undefined && sameRecord(found, NEW)).to.equal(true);
  });

  it("finds it at the head of a manager's list of any size", async () => {
    const found = await withText(line(NEW) + line(OLD).repeat(3000));
    expect(found !== undefined && sameRecord(found, NEW)).to.equal(true);
  });

  it('says what is wrong without showing the key', async () => {
    const key = 'd'.repeat(64);
    for (const [text, words] of [
      [`001 web-01 nowhere ${key}`, 'address'],
      [`001 web-01 any ${key}!`, 'key is not'],
      [`${key}`, 'four fields'],
      [`001 w\0eb any ${key}`, 'printable ASCII'],
    ] as const) {
      const error = await failure(withText(text));
      expect(error.code).to.equal('KEYS_INVALID');
      expect(error.message).to.contain(words).and.to.contain(agent.keysFile);
      expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.to.contain(key.slice(0, 8));
    }
  });

  it('does not read a file of any size', async () => {
    await writeFile(agent.keysFile, '');
    await truncate(agent.keysFile, 33 * 1024 * 1024);
    const error = await failure(readInstalled(agent, disk));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain('larger');
  });

  it('is not held up by a pipe, a directory or a link in a circle', async () => {
    execFileSync('mkfifo', [`${agent.keysFile}.pipe`]);
    await mkdir(`${agent.keysFile}.d`);
    await symlink('client.keys.l', `${agent.keysFile}.l`);
    for (const end of ['.pipe', '.d', '.l']) {
      expect((await failure(readInstalled({ ...agent, keysFile: `${agent.keysFile}${end}` }, disk))).code).to.equal(
        'FILE_UNREADABLE',
      );
    }
  });

  it("reads what the agent's user wrote, as a daemon that enrolled by itself does, and tells that it is that one's", async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    await writeFile(agent.keysFile, line(OLD), { mode: 0o640 });
    const account = { user: 'wazuh', group: 'wazuh', ...OTHER };
    expect(await readInstalled({ ...agent, account }, disk)).to.not.have.property('agents');
    await chown(agent.keysFile, OTHER.uid, OTHER.gid);
    expect(await readInstalled({ ...agent, account }, disk)).to.deep.include({ agents: true });
  });

  it('takes the word of root alone, and of whoever runs this', async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    await writeFile(agent.keysFile, line(OLD));
    await chown(agent.keysFile, OTHER.uid, OTHER.gid);
    const error = await failure(readInstalled(agent, disk));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain(`belongs to user ${OTHER.uid}`);
    expect((await readInstalled(agent, { ...disk, uid: OTHER.uid }))?.record.id).to.equal(OLD.id);
    expect(ownersOfKeys({})).to.deep.equal([]);
  });

  it("calls neither root's file the agent's, nor one of the user who runs this", async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    await writeFile(agent.keysFile, line(OLD));
    const runBy = (uid: number) => readInstalled(agent, { ...disk, uid });
    expect(await runBy(OTHER.uid)).to.not.have.property('agents');
    await chown(agent.keysFile, OTHER.uid, OTHER.gid);
    expect(await runBy(OTHER.uid)).to.not.have.property('agents');
    expect(await runBy(OTHER.uid + 1)).to.deep.include({ agents: true });
  });

  describe('looked at from outside', () => {
    const stuck = watched(disk, (operation) => {
      if (operation === 'look') throw systemError('EACCES');
    });

    it('tells when it was last changed, and one content from another', async () => {
      const before = Date.now();
      await writeFile(agent.keysFile, line(OLD));
      const first = await installedTimes(agent, disk);
      // The clock of a file system may be some milliseconds behind.
      expect(first?.changed).to.be.within(before - 50, Date.now() + 1);
      expect(first?.uid).to.equal(process.geteuid?.());
      expect(await installedTimes(agent, disk)).to.deep.equal(first);
      await utimes(agent.keysFile, 1_700_000_000, 1_700_000_000);
      const written = await installedTimes(agent, disk);
      expect(written?.content).to.not.equal(first?.content);
      await writeFile(`${agent.keysFile}.new`, line(NEW));
      await utimes(`${agent.keysFile}.new`, 1_700_000_000, 1_700_000_000);
      await rename(`${agent.keysFile}.new`, agent.keysFile);
      expect((await installedTimes(agent, disk))?.content).to.not.equal(written?.content);
    });

    it('tells whose it is, and whether others can use it', async () => {
      await writeFile(agent.keysFile, line(OLD));
      await chmod(agent.keysFile, 0o640);
      const { uid, gid } = await stat(agent.keysFile);
      expect(await installedAccess(agent, disk)).to.deep.equal({ uid, gid, mode: 0o640, tooWide: false });
      await chmod(agent.keysFile, 0o644);
      expect(await installedAccess(agent, disk)).to.deep.equal({ uid, gid, mode: 0o644, tooWide: true });
    });

    it('is nothing where it is not there, or may not be looked at', async () => {
      expect(await installedTimes(agent, disk)).to.equal(undefined);
      expect(await installedAccess(agent, disk)).to.equal(undefined);
      await writeFile(agent.keysFile, line(OLD));
      expect(await installedTimes(agent, stuck)).to.equal(undefined);
      expect(await installedAccess(agent, stuck)).to.equal(undefined);
    });
  });

  describe('that others can use', () => {
    const mode = async () => (await stat(agent.keysFile)).mode & 0o7777;

    it('tells it, with the mode that it has', async () => {
      await writeFile(agent.keysFile, line(OLD));
      for (const [wide, told] of [
        [0o644, 'mode 0644'],
        [0o660, 'mode 0660'],
        [0o641, 'mode 0641'],
        [0o4640, 'mode 04640'],
        [0o640, undefined],
        [0o600, undefined],
        [0o440, undefined],
      ] as const) {
        await chmod(agent.keysFile, wide);
        const { tooWide } = (await readInstalled(agent, disk)) ?? {};
        if (told === undefined) expect(tooWide, wide.toString(8)).to.equal(undefined);
        else expect(tooWide, wide.toString(8)).to.contain(agent.keysFile).and.to.contain(told);
        expect(await mode(), wide.toString(8)).to.equal(wide);
      }
    });

    it('is narrowed, and stays the same file', async () => {
      await writeFile(agent.keysFile, line(OLD));
      await chmod(agent.keysFile, 0o666);
      const { ino } = await stat(agent.keysFile);
      await narrowInstalled(isRoot ? { ...agent, account: { user: 'w', group: 'w', ...OTHER } } : agent, disk);
      const after = await stat(agent.keysFile);
      expect(after.ino).to.equal(ino);
      expect(await mode()).to.equal(0o640);
      if (isRoot) expect([after.uid, after.gid]).to.deep.equal([0, OTHER.gid]);
      expect((await readInstalled(agent, disk))?.record.id).to.equal(OLD.id);
      expect((await readInstalled(agent, disk))?.tooWide).to.equal(undefined);
    });

    it('needs no narrowing where it is gone', async () => {
      await narrowInstalled(agent, disk);
      expect(await filesBelow(agent.home)).to.deep.equal([]);
    });

    it('cannot be narrowed where the system does not allow it, which is told', async () => {
      await writeFile(agent.keysFile, line(OLD));
      await chmod(agent.keysFile, 0o644);
      const edge = watched(disk, (operation) => {
        if (operation === 'chmod') throw systemError('EPERM');
      });
      const error = await failure(narrowInstalled(agent, edge));
      expect(error.code).to.equal('FILE_UNWRITABLE');
      expect(error.message).to.contain(agent.keysFile);
    });
  });

  it('tells a file that may not be read from none', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const edge = watched(nodeFileEdge(), (operation) => {
      if (operation === 'open r') throw systemError('EACCES');
    });
    const error = await failure(readInstalled(agent, edge));
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.contain('permission denied');
  });
});
