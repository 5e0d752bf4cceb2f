import { readdirSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { Access } from '../../src/files/access.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { Untouched, unwritable } from '../../src/files/file-error.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { atPlace, type Place } from '../../src/files/place.js';
import {
  isTemporaryOf,
  leftovers,
  rehearse,
  removeLeftovers,
  replaceFile,
  stageFile,
} from '../../src/files/replace.js';
import { systemError, watched } from './faulty.js';
import { isRoot, makeFifo, OTHER, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

const UNIX: Access = { platform: 'unix', mode: 0o640, secret: true };

describe('files/replace', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);
  const names = async () => readdirSync(scratch).sort();

  beforeEach(async () => {
    scratch = await scratchDirectory();
  });
  afterEach(() => removeScratch(scratch));

  const replace = (content: string | Uint8Array, access = UNIX, edge: FileEdge = nodeFileEdge()) =>
    atPlace(at('file'), edge, (place) => replaceFile(place, content, access, edge));
  const inPlace = <T>(work: (place: Place) => Promise<T>, edge: FileEdge = nodeFileEdge()) =>
    atPlace(at('file'), edge, work);

  for (const [how, files] of [
    ['by descriptors', nodeFiles()],
    ['by paths', nodeFiles(false)],
  ] as const) {
    it(`makes a file, and puts another in its place, ${how}`, async () => {
      const edge = { ...nodeFileEdge(), files };
      await replace('the old', UNIX, edge);
      const before = await stat(at('file'));
      await replace(Buffer.from('the new'), UNIX, edge);
      expect(await readFile(at('file'), 'utf8')).to.equal('the new');
      expect((await stat(at('file'))).ino).to.not.equal(before.ino);
      expect(await names()).to.deep.equal(['file']);
    });
  }

  it('has a new file whole beside the old one, until it is put in its place or given up', async () => {
    await replace('the old');
    await inPlace(async (place) => {
      const given = await stageFile(place, 'given up', UNIX, nodeFileEdge());
      const [left = ''] = (await names()).filter((name) => name !== 'file');
      expect(isTemporaryOf('file', left)).to.equal(true);
      expect(await readFile(at(left), 'utf8')).to.equal('given up');
      await given.discard();
      expect(await names()).to.deep.equal(['file']);
      const put = await stageFile(place, 'the new', UNIX, nodeFileEdge());
      expect(await readFile(at('file'), 'utf8')).to.equal('the old');
      await put.commit();
    });
    expect(await readFile(at('file'), 'utf8')).to.equal('the new');
    expect(await names()).to.deep.equal(['file']);
  });

  it('leaves a link what it is, and replaces what it leads to', async () => {
    await mkdir(at('data'));
    await symlink('data/real', at('file'));
    await replace('content');
    expect((await lstat(at('file'))).isSymbolicLink()).to.equal(true);
    expect(await readFile(at('data', 'real'), 'utf8')).to.equal('content');
  });

  it('gives mode and owner as it is told, whatever the umask and whatever lay there', async () => {
    await writeFile(at('file'), '', { mode: 0o666 });
    await chmod(at('file'), 0o4777);
    const owner = isRoot ? OTHER : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    for (const umask of [0o000, 0o077, 0o777]) {
      for (const mode of [0o600, 0o640, 0o664]) {
        const before = process.umask(umask);
        try {
          await replace('content', { ...UNIX, mode, owner });
        } finally {
          process.umask(before);
        }
        const { mode: seen, uid, gid } = await stat(at('file'));
        expect({ mode: seen & 0o7777, uid, gid }).to.deep.equal({ mode, ...owner });
      }
    }
  });

  it("is never readable for others on the way, nor the agent's before it has its mode", async () => {
    const seen: number[] = [];
    const before = process.umask(0);
    try {
      const edge = watched(nodeFileEdge(), async (operation, path) => {
        if (['chown', 'chmod', 'write', 'sync', 'rename'].includes(operation) && path !== at('file')) {
          seen.push((await stat(path)).mode & 0o7777);
        }
      });
      await replace('content', UNIX, edge);
    } finally {
      process.umask(before);
    }
    expect(seen).to.not.deep.equal([]);
    for (const mode of seen) expect(mode & ~UNIX.mode).to.equal(0);
  });

  it('does all in the order that outlasts a power failure', async () => {
    const seen: string[] = [];
    const edge = watched(nodeFileEdge(), (operation) => {
      seen.push(operation);
    });
    await inPlace(async (place) => {
      seen.length = 0;
      await replaceFile(place, 'content', UNIX, edge);
      seen.push('done');
    }, edge);
    const steps = ['open wx', 'write', 'sync', 'rename', 'sync directory', 'done'];
    expect(seen.filter((operation) => steps.includes(operation))).to.deep.equal(steps);
  });

  it('leaves the old content whole and nothing beside it, at whatever operation it fails', async () => {
    const owner = isRoot ? { owner: OTHER } : {};
    const failed: string[] = [];
    for (let failing = 1, all = false; !all; failing += 1) {
      await rm(at('file'), { force: true });
      await writeFile(at('file'), 'the old');
      let count = 0;
      let last = '';
      const edge = watched(nodeFileEdge(), (operation) => {
        count += 1;
        if (count !== failing) return;
        last = operation;
        throw systemError('EIO');
      });
      const outcome = await replace('the new', { ...UNIX, mode: 0o644, ...owner }, edge).catch(
        (error: unknown) => error,
      );
      all = count < failing;
      const content = await readFile(at('file'), 'utf8');
      if (outcome === undefined) {
        expect(content, last).to.equal('the new');
      } else if (outcome instanceof EnrollError) {
        failed.push(`${last}, in place already`);
        expect(outcome).to.include({ code: 'FILE_UNWRITABLE' });
        expect(outcome.message).to.contain('did not confirm');
        expect(content, last).to.equal('the new');
      } else {
        failed.push(last);
        expect(content, last).to.equal('the old');
      }
      expect(await names(), last).to.deep.equal(['file']);
    }
    const steps = ['open wx', 'facts', 'write', 'sync', 'rename', ...(isRoot ? ['chown'] : [])];
    expect(failed).to.include.members([...steps, 'look, in place already', 'sync directory, in place already']);
  });

  describe('where others write in the directory', () => {
    it('says so where the new file is swapped for another before it is in place', async () => {
      let swapped = '';
      const edge = watched(nodeFileEdge(), async (operation) => {
        if (operation !== 'rename') return;
        swapped = readdirSync(scratch).find((name) => name.endsWith('.tmp')) ?? '';
        await rename(at(swapped), at('stolen'));
        await writeFile(at(swapped), 'evil');
      });
      const error = await thrownBy(replace('content', UNIX, edge));
      expect(error).to.be.instanceOf(Untouched).and.have.property('message').that.includes('another in its place');
      expect(await names()).to.not.include(swapped);
    });

    for (const [what, change] of [
      ['removed', () => rm(at('file'))],
      ['replaced', () => writeFile(at('next'), 'evil').then(() => rename(at('next'), at('file')))],
    ] as const) {
      it(`says so where the new file is ${what} as soon as it is in place`, async () => {
        const edge = watched(
          nodeFileEdge(),
          () => {},
          (operation) => (operation === 'rename' ? change() : undefined),
        );
        expect(await thrownBy(replace('content', UNIX, edge))).to.be.instanceOf(Untouched);
      });
    }
  });

  describe('rehearsed', () => {
    const rehearsed = (edge: FileEdge = nodeFileEdge()) => inPlace((place) => rehearse(place, UNIX, edge), edge);

    it('changes nothing', async () => {
      await rehearsed();
      expect(await names()).to.deep.equal([]);
      await writeFile(at('file'), 'the old');
      await rehearsed();
      expect(await readFile(at('file'), 'utf8')).to.equal('the old');
      expect(await names()).to.deep.equal(['file']);
    });

    it('writes as much as a key needs, and notices that the disk is full', async () => {
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation === 'write') throw systemError('ENOSPC');
      });
      expect(await thrownBy(rehearsed(edge))).to.have.property('code', 'ENOSPC');
      expect(await names()).to.deep.equal([]);
    });

    it('refuses what cannot be replaced: a directory, a FIFO', async () => {
      await mkdir(at('file'));
      expect(await thrownBy(rehearsed())).to.be.instanceOf(Untouched);
      await rm(at('file'), { recursive: true });
      makeFifo(at('file'));
      expect(await thrownBy(rehearsed()))
        .to.be.instanceOf(Untouched)
        .and.have.property('message')
        .that.includes('FIFO');
    });

    it('refuses a mount of its own, wherever links to it lie', async () => {
      await mkdir(at('volume'));
      await writeFile(at('volume', 'real'), '');
      await symlink('volume/real', at('file'));
      const edge = nodeFileEdge();
      const isMountPoint = (path: string) => path === at('volume', 'real');
      const mounted = { ...edge, files: { ...edge.files, isMountPoint } };
      const error = unwritable(at('file'), await thrownBy(rehearsed(mounted)));
      expect(error.message).to.contain('a mount of its own');
      expect(error.hint).to.contain('Mount its directory');
      expect(readdirSync(at('volume'))).to.deep.equal(['real']);
    });
  });

  for (const [code, words, hint] of [
    ['EBUSY', 'in use or a mount of its own', 'mount the directory'],
    ['EXDEV', 'on another file system than its directory', 'mount the directory'],
    ['EROFS', 'read-only', '--agent-home'],
    ['EACCES', 'permission denied', 'Run as root'],
  ] as const) {
    it(`has words for ${code}`, async () => {
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation === 'rename') throw systemError(code);
      });
      const error = unwritable(at('file'), await thrownBy(replace('content', UNIX, edge)));
      expect(error.message)
        .to.contain(`${at('file')} cannot be written: `)
        .and.to.contain(words)
        .and.to.contain(code);
      expect(error.hint).to.contain(hint);
      expect(await names()).to.deep.equal([]);
    });
  }

  describe('what killed runs left', () => {
    it('is listed from the oldest on, and removed, and nothing else is', async () => {
      const left = [
        '.file.agent-enroll-0123abcd.tmp',
        '.file.agent-enroll-4711-89abcdef.tmp',
        '.file.agent-enroll-00000000.tmp',
      ];
      for (const [index, name] of left.entries()) {
        await writeFile(at(name), '');
        await utimes(at(name), 1000 - index, 1000 - index);
      }
      const others = ['file', '.file.agent-enroll-0123abc.tmp', '.other.agent-enroll-0123abcd.tmp', 'x.tmp'];
      for (const name of others) await writeFile(at(name), '');
      await mkdir(at('.file.agent-enroll-11111111.tmp'));
      expect(await inPlace(leftovers)).to.deep.equal(left.toReversed());
      await inPlace(removeLeftovers);
      expect(await names()).to.deep.equal([...others, '.file.agent-enroll-11111111.tmp'].sort());
    });

    it('is of the very form that a new file has on the way', async () => {
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation === 'rename' || operation === 'unlink') throw systemError('EIO');
      });
      await thrownBy(replace('content', UNIX, edge));
      expect(await inPlace(leftovers))
        .to.deep.equal(await names())
        .and.to.have.length(1);
    });

    it("is in nobody's way where it cannot be removed or looked at", async () => {
      await writeFile(at('.file.agent-enroll-0123abcd.tmp'), '');
      for (const failing of ['unlink', 'list', 'look']) {
        const edge = watched(nodeFileEdge(), (operation, path) => {
          if (operation === failing && path !== at('file')) throw systemError('EIO');
        });
        await inPlace(removeLeftovers, edge);
      }
      expect(await names()).to.have.length(1);
    });
  });
});
