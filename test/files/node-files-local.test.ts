import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { systemCode } from '../../src/errors.js';
import type { Directory, Files } from '../../src/files/files.js';
import { isLocal } from '../../src/files/mounts.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { makeFifo, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

/** Opens a directory by its path, in which there is no link. */
async function open(files: Files, path: string): Promise<Directory> {
  let here = await files.root('/');
  for (const name of path.split('/').filter(Boolean)) {
    const next = await here.directory(name);
    await here.close();
    here = next;
  }
  return here;
}

/** Whether the work is done before the event loop has turned: no other thread had a part in it. */
async function isAtOnce(work: Promise<unknown>): Promise<boolean> {
  let ended = false;
  const end = work.then(() => {
    ended = true;
  });
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  const atOnce = ended;
  await end;
  return atOnce;
}

describe('files/files, on this machine and on others', () => {
  let scratch: string;
  let opened: Directory[];
  const at = (...names: string[]) => join(scratch, ...names);

  before(function () {
    if (process.platform !== 'linux' || !existsSync('/proc/self/fd')) this.skip();
  });
  beforeEach(async () => {
    scratch = await scratchDirectory();
    opened = [];
    await mkdir(at('directory', 'below'), { recursive: true });
    await writeFile(at('file'), 'four');
    await writeFile(at('directory', 'file'), 'four');
  });
  afterEach(async () => {
    for (const directory of opened) await directory.close();
    await removeScratch(scratch);
  });

  const opening = async (work: Promise<Directory>) => {
    const directory = await work;
    opened.push(directory);
    return directory;
  };

  describe('looks', () => {
    /** Files of a system where something is mounted at these paths alone, as far as it tells. */
    const mountedAt = (...paths: readonly string[]) => nodeFiles(true, () => new Set(['/', ...paths]));

    before(async function () {
      // Of a file system that is not known nothing is done at once.
      const directory = await scratchDirectory();
      const local = (await isLocal('/')) && (await isLocal(directory));
      await removeScratch(directory);
      if (!local) this.skip();
    });

    it('at once at what this machine keeps, from the root down', async () => {
      const files = mountedAt();
      const root = await opening(files.root('/'));
      const [first = ''] = scratch.split('/').filter(Boolean);
      expect(await isAtOnce(root.look(first))).to.equal(true);
      const here = await opening(open(files, scratch));
      expect(await isAtOnce(here.look('file'))).to.equal(true);
      expect(await isAtOnce(here.look('none'))).to.equal(true);
      expect(await isAtOnce(here.facts())).to.equal(true);
      const directory = here.directory('directory');
      expect(await isAtOnce(directory)).to.equal(true);
      expect(await isAtOnce((await opening(directory)).look('file'))).to.equal(true);
    });

    it('by another thread at what is mounted, which may be anywhere, and at once again below it', async () => {
      const here = await opening(open(mountedAt(at('file'), at('directory')), scratch));
      expect(await isAtOnce(here.look('file'))).to.equal(false);
      expect(await here.look('file')).to.include({ kind: 'file', size: 4 });
      const directory = here.directory('directory');
      expect(await isAtOnce(directory)).to.equal(false);
      const below = await opening(directory);
      expect(await isAtOnce(below.facts())).to.equal(false);
      expect(await isAtOnce(below.look('file'))).to.equal(true);
    });

    it('by another thread at what is above, for that may be another system', async () => {
      const here = await opening(open(mountedAt(), at('directory')));
      expect(await isAtOnce(here.look('..'))).to.equal(false);
      const above = here.directory('..');
      expect(await isAtOnce(above)).to.equal(false);
      expect((await (await opening(above)).look('file'))?.size).to.equal(4);
    });

    it('by another thread everywhere, where nobody tells what is mounted', async () => {
      const files = nodeFiles(true, () => undefined);
      const here = await opening(open(files, scratch));
      expect(await isAtOnce(here.look('file'))).to.equal(false);
      const directory = here.directory('directory');
      expect(await isAtOnce(directory)).to.equal(false);
      await opening(directory);
      expect(files.isMountPoint(scratch)).to.equal(false);
    });

    it('by another thread below what is not local', async function () {
      const terminals = '/dev/pts';
      if (!nodeFiles().isMountPoint(terminals) || (await isLocal(terminals))) this.skip();
      const here = await opening(open(nodeFiles(), terminals));
      expect(await isAtOnce(here.look('none'))).to.equal(false);
    });
  });

  it('knows a mount by exactly its path, as it is at that time', () => {
    const mounts = new Set<string>();
    const files = nodeFiles(true, () => mounts);
    expect(files.isMountPoint('/srv/one')).to.equal(false);
    mounts.add('/srv/one');
    expect(files.isMountPoint('/srv/one')).to.equal(true);
    expect(files.isMountPoint('/srv')).to.equal(false);
  });

  it('closes a directory once: by then its descriptor may be that of another', async () => {
    const held = await open(nodeFiles(), scratch);
    await held.close();
    const other = await opening(open(nodeFiles(), scratch));
    await held.close();
    expect(await other.look('file')).to.include({ kind: 'file' });
    expect(await thrownBy(held.look('file')))
      .to.be.an('error')
      .with.property('message', `EBADF: ${scratch}`);
  });

  for (const [how, byDescriptor] of [
    ['by descriptors', true],
    ['by paths', false],
  ] as const) {
    describe(`held ${how}`, () => {
      let here: Directory;
      beforeEach(async () => {
        here = await opening(open(nodeFiles(byDescriptor), scratch));
      });

      it('tells of an open file what it tells of its name', async () => {
        const file = await here.open('file', 'r');
        expect(await file.facts()).to.deep.equal(await here.look('file'));
        await file.close();
      });

      it('says of a file that it cannot be made durable, but not of a directory, which some systems cannot', async () => {
        makeFifo(at('fifo'));
        const fifo = await here.open('fifo', 'r');
        expect(systemCode(await thrownBy(fifo.sync()))).to.equal('EINVAL');
        await fifo.close();
        const proc = await opening(open(nodeFiles(byDescriptor), '/proc'));
        await proc.sync();
      });

      it('leaves no descriptor open', async () => {
        const before = readdirSync('/proc/self/fd').length;
        for (let times = 0; times < 3; times += 1) {
          await here.sync();
          await (await here.directory('directory')).close();
          await (await here.open('file', 'r+')).close();
        }
        expect(readdirSync('/proc/self/fd').length).to.be.at.most(before);
      });
    });
  }
});
