import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { checkWritable, installKey } from '../../src/keystore/client-keys.js';
import { readInstalled } from '../../src/keystore/installed.js';
import { sameRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { systemError, watched } from '../files/faulty.js';
import { anyRecord } from '../model/any-record.js';
import { failure, filesBelow, installationAt, line, NEW, OLD, removeHome, scratchHome } from './scratch.js';

const disk = nodeFileEdge();

const AGENT = { user: 'wazuh', group: 'wazuh', uid: 64_901, gid: 64_902 };
const isRoot = process.geteuid?.() === 0;

describe('installing a key', () => {
  let agent: AgentInstallation;
  let keys: string;

  beforeEach(async () => {
    agent = await scratchHome();
    keys = agent.keysFile;
  });
  afterEach(() => removeHome(agent));

  it('writes the one line, and nothing else', async () => {
    expect(await installKey(NEW, agent, disk)).to.deep.equal({ record: NEW, keysFile: keys, changed: true });
    expect(await readFile(keys, 'utf8')).to.equal(`002 web-01 10.0.0.5 ${'b'.repeat(64)}\n`);
    expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
  });

  it('is not held up by a file that vanishes while it is looked at', async () => {
    await writeFile(keys, line(OLD));
    const vanishing = watched(disk, async (operation, path) => {
      if (operation === 'open r' && path === keys) await rm(keys);
    });
    expect((await installKey(NEW, agent, vanishing)).changed).to.equal(true);
    expect(await readFile(keys, 'utf8')).to.equal(line(NEW));
  });

  it('writes nothing that is no record, and tells the fault without the key', async () => {
    const error = await failure(installKey({ ...NEW, ip: 'nowhere' }, agent, disk));
    expect(error.code).to.equal('INTERNAL');
    expect(error.message).to.contain('A record was to be installed that is none: its address is neither');
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('replaces all that a file holds by the one line', async () => {
    await writeFile(
      keys,
      `# by hand\n${line(OLD)}garbage\n003 !gone any ${'c'.repeat(64)}\n004 !gone any ${'c'.repeat(64)}\n`,
    );
    await installKey(NEW, agent, disk);
    expect(await readFile(keys, 'utf8')).to.equal(line(NEW));
  });

  it('gives every record back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecord, async (any) => {
        await installKey(any, agent, disk);
        const read = (await readInstalled(agent, disk))?.record;
        expect(read !== undefined && sameRecord(read, any)).to.equal(true);
      }),
      { numRuns: 20 },
    );
  });

  it('changes nothing where the record is in place already', async () => {
    await installKey(NEW, agent, disk);
    const before = await stat(keys);
    expect((await installKey(NEW, agent, disk)).changed).to.equal(false);
    expect((await stat(keys)).ino).to.equal(before.ino);
  });

  it('has mode 0640 whatever the umask, and mends the mode of a file in place', async () => {
    const umask = process.umask(0o077);
    try {
      await installKey(NEW, agent, disk);
      expect((await stat(keys)).mode & 0o7777).to.equal(0o640);
      await chmod(keys, 0o644);
      expect((await installKey(NEW, agent, disk)).changed).to.equal(true);
      expect((await stat(keys)).mode & 0o7777).to.equal(0o640);
    } finally {
      process.umask(umask);
    }
  });

  it("belongs to root and the agent's group", async function () {
    if (!isRoot) this.skip(); // Only root can give files away.
    await installKey(NEW, { ...agent, account: AGENT }, disk);
    const { uid, gid } = await stat(keys);
    expect({ uid, gid }).to.deep.equal({ uid: 0, gid: AGENT.gid });
  });

  it('has mode and owner before it has content', async () => {
    const seen: string[] = [];
    const edge = watched(nodeFileEdge(), (operation) => {
      seen.push(operation);
    });
    const umask = process.umask(0o077);
    try {
      await installKey(NEW, isRoot ? { ...agent, account: AGENT } : agent, edge);
    } finally {
      process.umask(umask);
    }
    const order = seen.slice(seen.indexOf('open wx'));
    const wanted = ['open wx', 'facts', ...(isRoot ? ['chown'] : []), 'chmod', 'write', 'sync', 'facts', 'rename'];
    expect(order.slice(0, wanted.length)).to.deep.equal(wanted);
    expect(order.slice(wanted.length)).to.include('sync directory');
  });

  it('refuses a record that is none', async () => {
    const evil = { ...NEW, name: `web\n003 evil any ${'c'.repeat(64)}` };
    expect((await failure(installKey(evil, agent, disk))).code).to.equal('INTERNAL');
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('makes the directory etc in a home that has none, for root and the group alone', async () => {
    await rm(dirname(keys), { recursive: true });
    await installKey(NEW, isRoot ? { ...agent, account: AGENT } : agent, disk);
    const { mode, uid, gid } = await stat(dirname(keys));
    expect(mode & 0o7777).to.equal(0o750);
    if (isRoot) expect({ uid, gid }).to.deep.equal({ uid: 0, gid: AGENT.gid });
  });

  it('keeps a symbolic link, and replaces what it leads to', async () => {
    await mkdir(join(agent.home, 'data'));
    await symlink('../data/link', keys);
    await symlink('the.keys', join(agent.home, 'data', 'link'));
    for (const key of [OLD, NEW]) {
      await checkWritable(agent, disk);
      await installKey(key, agent, disk);
      expect(await readFile(join(agent.home, 'data', 'the.keys'), 'utf8')).to.equal(line(key));
    }
    expect(await readlink(keys)).to.equal('../data/link');
    expect((await lstat(join(agent.home, 'data', 'the.keys'))).isFile()).to.equal(true);
    expect(await filesBelow(agent.home)).to.have.length(3);
  });

  it("does not follow a symbolic link of the agent's user", async function () {
    if (!isRoot) this.skip(); // Only root can give links away.
    const victim = join(agent.home, 'victim');
    await writeFile(victim, 'precious');
    await symlink(victim, keys);
    execFileSync('chown', ['-h', `${AGENT.uid}:${AGENT.gid}`, keys]);
    expect((await failure(checkWritable(agent, disk))).message).to.contain('belongs to another user');
    expect((await failure(installKey(NEW, agent, disk))).code).to.equal('FILE_UNWRITABLE');
    expect(await readFile(victim, 'utf8')).to.equal('precious');
  });

  it("does not replace a manager's list of agents", async () => {
    const list = line(OLD) + line(NEW);
    await writeFile(keys, list);
    expect((await failure(checkWritable(agent, disk))).message).to.contain("a manager's list");
    expect((await failure(checkWritable(agent, disk))).hint).to.contain('the first record alone');
    expect((await failure(installKey(NEW, agent, disk))).code).to.equal('FILE_UNWRITABLE');
    expect(await readFile(keys, 'utf8')).to.equal(list);
  });

  describe('after runs that were killed', () => {
    const leftover = (pid: number, token: string) =>
      join(dirname(keys), `.client.keys.agent-enroll-${pid}-${token}.tmp`);
    // The highest number that Linux gives out is 4194304.
    const NOBODY = 99_999_999;

    it('removes their temporary files, and no other file', async () => {
      const stays = [`${leftover(NOBODY, 'cccccccc')}.bak`];
      const goes = [
        leftover(NOBODY, 'dddddddd'),
        leftover(process.pid, 'eeeeeeee'),
        leftover(process.ppid, 'ffffffff'),
        join(dirname(keys), '.client.keys.agent-enroll-abababab.tmp'),
      ];
      for (const file of [...stays, ...goes]) await writeFile(file, line(OLD));
      await checkWritable(agent, disk);
      await installKey(NEW, agent, disk);
      const left = await readdir(dirname(keys));
      expect(left.sort()).to.deep.equal(['client.keys', ...stays.map((file) => basename(file))].sort());
    });
  });
});

describe('asking whether a key could be installed', () => {
  let agent: AgentInstallation;

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  const refuses = async (words: string, edge: FileEdge = disk, installation = agent) => {
    const error = await failure(checkWritable(installation, edge));
    expect(error.code).to.equal('FILE_UNWRITABLE');
    expect(error.message).to.contain(installation.keysFile).and.to.contain(words);
    return error;
  };

  it('leaves nothing behind', async () => {
    await checkWritable(agent, disk);
    expect(await filesBelow(agent.home)).to.deep.equal([]);
    await rm(dirname(agent.keysFile), { recursive: true });
    await checkWritable(agent, disk);
    expect(await readdir(agent.home)).to.deep.equal([]);
  });

  it('leaves the present file as it is', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const before = await stat(agent.keysFile);
    await checkWritable(agent, disk);
    const { ino, mtimeMs, size } = await stat(agent.keysFile);
    expect({ ino, mtimeMs, size }).to.deep.equal({ ino: before.ino, mtimeMs: before.mtimeMs, size: before.size });
  });

  it('would make the home of a host that has no agent yet, and leaves nothing of it behind', async () => {
    const bare = installationAt(join(agent.home, 'bare'));
    await checkWritable(bare, disk);
    expect(await readdir(agent.home)).to.deep.equal(['etc']);
  });

  it('names a directory that is missing above the home', async () => {
    const missing = installationAt(join(agent.home, 'no', 'home'));
    const error = await refuses(`there is no directory ${join(agent.home, 'no')}`, undefined, missing);
    expect(error.hint).to.contain('--agent-home');
  });

  it('does not make a directory outside the home', async () => {
    const keysFile = join(agent.home, 'etc', 'else', 'client.keys');
    const elsewhere = { ...agent, keysFile };
    await refuses(`there is no directory ${dirname(keysFile)}`, undefined, elsewhere);
    expect(await readdir(join(agent.home, 'etc'))).to.deep.equal([]);
  });

  it('refuses a directory, a pipe, and a link into nowhere', async () => {
    await mkdir(agent.keysFile);
    await refuses('it is a directory');
    await rm(agent.keysFile, { recursive: true });
    execFileSync('mkfifo', [agent.keysFile]);
    await refuses('it is a FIFO');
    await rm(agent.keysFile);
    await symlink('/nowhere/at/all', agent.keysFile);
    await refuses('a directory which does not exist');
    await rm(agent.keysFile);
    await symlink('client.keys', agent.keysFile);
    await refuses('lead in a circle');
  });

  it('refuses a mount of its own, as containers make them', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const edge = nodeFileEdge();
    const mounted = { ...edge, files: { ...edge.files, isMountPoint: (path: string) => path === agent.keysFile } };
    expect((await refuses('a mount of its own', mounted)).hint).to.contain('Mount its directory');
  });

  it('refuses an immutable file', async function () {
    await writeFile(agent.keysFile, line(OLD));
    try {
      execFileSync('chattr', ['+i', agent.keysFile], { stdio: 'ignore' });
    } catch {
      this.skip(); // No chattr, no right to use it, or a file system without such marks.
    }
    try {
      expect((await refuses('immutable')).hint).to.contain('chattr -i');
      expect((await failure(installKey(NEW, agent, disk))).code).to.equal('FILE_UNWRITABLE');
      expect(await filesBelow(agent.home)).to.deep.equal(['etc/client.keys']);
    } finally {
      execFileSync('chattr', ['-i', agent.keysFile]);
    }
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
  });

  it('notices a full disk, by its words', async () => {
    const full = watched(nodeFileEdge(), (operation) => {
      if (operation === 'write') throw systemError('ENOSPC');
    });
    expect((await refuses('no space is left', full)).hint).to.contain('Make room');
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('says what is wrong for each reason of the system', async () => {
    for (const [code, words] of Object.entries({
      EACCES: 'permission denied',
      EROFS: 'read-only',
      EDQUOT: 'quota',
      'Unknown system error -122': 'quota',
      EIO: 'input/output error',
      EMFILE: 'too many files',
    })) {
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation === 'open wx') throw systemError(code);
      });
      expect(String((await refuses(words, edge)).cause)).to.contain(code);
    }
  });

  it('refuses where nobody knows what would be overwritten', async () => {
    await writeFile(agent.keysFile, line(OLD));
    const edge = watched(nodeFileEdge(), (operation, path) => {
      if (path === agent.keysFile && operation.startsWith('open')) throw systemError('EACCES');
    });
    expect((await failure(checkWritable(agent, edge))).code).to.equal('FILE_UNREADABLE');
  });
});
