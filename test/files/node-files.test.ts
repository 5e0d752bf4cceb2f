import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, link, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { systemCode } from '../../src/errors.js';
import type { Directory, Files } from '../../src/files/files.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { makeDevice, makeFifo, makeSocket, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

const text = (value: string) => Buffer.from(value, 'utf8');

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return systemCode(await thrownBy(work));
}

for (const [how, files] of [
  ['by descriptors', nodeFiles()],
  ['by paths', nodeFiles(false)],
] as const) {
  describe(`files/files, directories held ${how}`, () => {
    let scratch: string;
    let here: Directory;

    beforeEach(async () => {
      scratch = await scratchDirectory();
      here = await open(files, scratch);
    });
    afterEach(async () => {
      await here.close();
      await removeScratch(scratch);
    });

    const at = (...names: string[]) => join(scratch, ...names);

    it('tells what has a name, be it a link', async () => {
      await writeFile(at('file'), 'four');
      await chmod(at('file'), 0o604);
      await link(at('file'), at('second'));
      await mkdir(at('directory'), 0o711);
      await symlink('nowhere', at('link'));
      const { uid, gid, ino, dev, mtimeNs, ctimeNs } = await stat(at('file'), { bigint: true });
      expect(await here.look('file')).to.deep.equal({
        kind: 'file',
        uid: Number(uid),
        gid: Number(gid),
        mode: 0o604,
        size: 4,
        links: 2,
        identity: `${dev}:${ino}`,
        modified: mtimeNs,
        changed: ctimeNs,
      });
      expect(await here.look('directory')).to.include({ kind: 'directory', mode: 0o711 });
      expect(await here.look('link')).to.include({ kind: 'link' });
      expect(await here.readLink('link')).to.equal('nowhere');
      expect(await here.look('none')).to.equal(undefined);
      expect((await here.look('.'))?.identity).to.equal((await here.facts()).identity);
      expect([...(await here.list())].sort()).to.deep.equal(['directory', 'file', 'link', 'second']);
    });

    it('tells what is no file, and opens a FIFO without waiting for anybody', async () => {
      makeFifo(at('fifo'));
      await makeSocket(at('socket'));
      const device = makeDevice(at('device'));
      expect((await here.look('fifo'))?.kind).to.equal('fifo');
      expect((await here.look('socket'))?.kind).to.equal('socket');
      if (device) expect((await here.look('device'))?.kind).to.equal('device');
      const fifo = await here.open('fifo', 'r');
      expect((await fifo.facts()).kind).to.equal('fifo');
      await fifo.close();
      expect(await codeOf(here.open('socket', 'r'))).to.equal('ENXIO');
    });

    it('follows no link in the last part of a name', async () => {
      await mkdir(at('directory'));
      await writeFile(at('file'), '');
      await symlink('directory', at('to-directory'));
      await symlink('file', at('to-file'));
      await symlink('none', at('to-none'));
      expect(await codeOf(here.directory('to-directory'))).to.equal('ENOTDIR');
      expect(await codeOf(here.directory('file'))).to.equal('ENOTDIR');
      expect(await codeOf(here.directory('none'))).to.equal('ENOENT');
      expect(await codeOf(here.open('to-file', 'r'))).to.equal('ELOOP');
      expect(await codeOf(here.open('to-file', 'r+'))).to.equal('ELOOP');
      expect(await codeOf(here.open('to-none', 'wx', 0o600))).to.equal('EEXIST');
      expect(await codeOf(here.open('file', 'wx', 0o600))).to.equal('EEXIST');
    });

    it('reads up to a limit, also what says that it is empty', async () => {
      const long = Buffer.alloc(200_000, 'x');
      await writeFile(at('long'), long);
      const file = await here.open('long', 'r');
      expect((await file.read(1_000_000)).equals(long)).to.equal(true);
      expect(await file.read(70_000)).to.have.length(70_000);
      expect(await file.read(0)).to.have.length(0);
      await file.close();
      if (process.platform !== 'linux') return;
      const proc = await open(files, '/proc/self');
      const status = await proc.open('status', 'r');
      expect((await status.facts()).size).to.equal(0);
      expect((await status.read(100_000)).toString()).to.match(/^Name:.*\n(.*\n)*.*ctxt_switches:.*\n$/);
      await status.close();
      await proc.close();
    });

    it('writes after what was written, and at a position', async () => {
      const made = await here.open('new', 'wx', 0o600);
      await made.write(text('one '));
      await made.write(text('two'));
      await made.sync();
      await made.close();
      const there = await here.open('new', 'r+');
      await there.write(text('2'), 4);
      await there.chmod(0o640);
      await there.close();
      expect(await readFile(at('new'), 'utf8')).to.equal('one 2wo');
      expect((await here.look('new'))?.mode).to.equal(0o640);
    });

    it('makes, renames and removes', async () => {
      await here.makeDirectory('directory', 0o700);
      expect((await here.look('directory'))?.mode).to.equal(0o700);
      const inside = await here.directory('directory');
      expect(inside.path).to.equal(at('directory'));
      await (await inside.open('a', 'wx', 0o600)).close();
      await inside.rename('a', 'b');
      await inside.sync();
      expect(await inside.list()).to.deep.equal(['b']);
      expect(await codeOf(here.removeDirectory('directory'))).to.equal('ENOTEMPTY');
      await inside.unlink('b');
      await inside.close();
      await here.removeDirectory('directory');
      expect(await here.list()).to.deep.equal([]);
    });

    it('reads no more than it is told, from where it is told', async () => {
      await writeFile(join(scratch, 'letters'), 'abcdefgh');
      const file = await here.open('letters', 'r');
      expect((await file.read(3)).toString()).to.equal('abc');
      expect((await file.read(3, 4)).toString()).to.equal('efg');
      expect((await file.read(100, 6)).toString()).to.equal('gh');
      expect((await file.read(3, 8)).length).to.equal(0);
      await file.close();
    });

    it('does not say of what cannot be looked at that it is not there', async () => {
      expect(await codeOf(here.look('x'.repeat(300)))).to.equal('ENAMETOOLONG');
      expect(await here.look('none')).to.equal(undefined);
    });

    it('goes up from where it is', async () => {
      await mkdir(at('a', 'b'), { recursive: true });
      const below = await here.directory('a');
      const above = await below.directory('..');
      expect((await above.facts()).identity).to.equal((await here.facts()).identity);
      await below.close();
      await above.close();
    });
  });
}

describe('files/files', () => {
  let scratch: string;
  beforeEach(async () => {
    scratch = await scratchDirectory();
    await mkdir(join(scratch, 'held'));
    await writeFile(join(scratch, 'held', 'file'), 'the one');
  });
  afterEach(() => removeScratch(scratch));

  async function replaced(held: Directory): Promise<void> {
    await rename(join(scratch, 'held'), join(scratch, 'away'));
    await mkdir(join(scratch, 'held'));
    await writeFile(join(scratch, 'held', 'file'), 'another');
    expect(held.path).to.equal(join(scratch, 'held'));
  }

  it('stays in the very directory that was opened, where it is held by its descriptor', async function () {
    if (process.platform !== 'linux') this.skip();
    const held = await open(nodeFiles(), join(scratch, 'held'));
    await replaced(held);
    const file = await held.open('file', 'r');
    expect((await file.read(100)).toString()).to.equal('the one');
    await file.close();
    await held.close();
  });

  it('does nothing in another directory, where it is held by its path', async () => {
    const held = await open(nodeFiles(false), join(scratch, 'held'));
    await replaced(held);
    const works: readonly (() => Promise<unknown>)[] = [
      () => held.facts(),
      () => held.directory('.'),
      () => held.open('file', 'r'),
      () => held.look('file'),
      () => held.readLink('file'),
      () => held.list(),
      () => held.makeDirectory('made', 0o700),
      () => held.removeDirectory('made'),
      () => held.rename('file', 'renamed'),
      () => held.unlink('file'),
      () => held.sync(),
    ];
    for (const work of works) expect(await codeOf(work()), String(work)).to.equal('ESTALE');
    await rename(join(scratch, 'held'), join(scratch, 'other'));
    expect(await codeOf(held.look('file'))).to.equal('ESTALE');
    expect(await readFile(join(scratch, 'other', 'file'), 'utf8')).to.equal('another');
    await held.close();
  });

  it('does nothing after it was closed, when its descriptor may be that of another', async function () {
    if (process.platform !== 'linux') this.skip();
    const held = await open(nodeFiles(), join(scratch, 'held'));
    await held.close();
    const others = await Promise.all([1, 2, 3].map(() => open(nodeFiles(), scratch)));
    for (const work of [() => held.look('file'), () => held.list(), () => held.unlink('held'), () => held.facts()]) {
      expect(await codeOf(work())).to.equal('EBADF');
    }
    for (const other of others) await other.close();
  });

  describe('mounts', () => {
    before(function () {
      if (process.platform !== 'linux') this.skip();
    });

    it('are told from directories', () => {
      expect(nodeFiles().isMountPoint('/')).to.equal(true);
      expect(nodeFiles().isMountPoint('/proc')).to.equal(true);
      expect(nodeFiles().isMountPoint(scratch)).to.equal(false);
    });

    it('are known by any name', async function () {
      const names = ['plain', 'with a blank', 'with\ttab', 'with \\ and Umläut'];
      for (const name of names) await writeFile(join(scratch, name), '');
      if (spawnSync('unshare', ['--mount', 'true']).status !== 0) this.skip(); // Only root can mount everywhere.
      const files = fileURLToPath(new URL('../../src/files/node-files.ts', import.meta.url));
      const print = `import { nodeFiles } from ${JSON.stringify(files)};
        console.log(JSON.stringify(process.argv.slice(1).map((path) => nodeFiles().isMountPoint(path))));`;
      const mounted = names.map((name) => join(scratch, name));
      const script = `for file; do mount --bind "$file" "$file" || exit; done
        exec "$NODE" --import tsx --input-type=module --eval "$PRINT" "$@"`;
      const env = { ...process.env, NODE: process.execPath, PRINT: print };
      const out = execFileSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...mounted], { encoding: 'utf8', env });
      expect(JSON.parse(out)).to.deep.equal(names.map(() => true));
    }).timeout(20_000);
  });
});

/** Opens a directory by its path, in which there is no link. */
async function open(files: Files, path: string): Promise<Directory> {
  let here = await files.root('/');
  for (const name of path.split('/').filter(Boolean)) {
    const next = await here.directory(name === 'self' ? await here.readLink(name) : name);
    await here.close();
    here = next;
  }
  return here;
}
