import { readdirSync } from 'node:fs';
import { chmod, lchown, link, mkdir, realpath, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemCode } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { Untouched } from '../../src/files/file-error.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { atPlace, canOthersWrite, type Place } from '../../src/files/place.js';
import { systemError, watched } from './faulty.js';
import { isRoot, OTHER, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

/** What a place comes to when everything is closed again. */
type Reached = Pick<Place, 'path' | 'facts' | 'name'>;

const reach = (path: string, edge: FileEdge = nodeFileEdge()): Promise<Reached> =>
  atPlace(path, edge, async ({ path: real, facts, name }) => ({
    path: real,
    name,
    ...(facts === undefined ? {} : { facts }),
  }));

describe('files/place', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);

  beforeEach(async () => {
    scratch = await scratchDirectory();
    await mkdir(at('home', 'etc'), { recursive: true });
    await mkdir(at('data', 'deep'), { recursive: true });
    await writeFile(at('home', 'etc', 'file'), 'in home');
    await writeFile(at('data', 'file'), 'in data');
    await writeFile(at('data', 'deep', 'file'), 'in deep');
  });
  afterEach(() => removeScratch(scratch));

  async function linkOf(owner: { readonly uid: number; readonly gid: number }, target: string, path: string) {
    await symlink(target, path);
    await lchown(path, owner.uid, owner.gid);
  }

  for (const [how, files] of [
    ['by descriptors', nodeFiles()],
    ['by paths', nodeFiles(false)],
  ] as const) {
    describe(`gone to ${how}`, () => {
      const edge: FileEdge = { ...nodeFileEdge(), files };

      it('is a name in its directory, and what has it', async () => {
        expect(await reach(at('home', 'etc', 'file'), edge)).to.deep.include({
          path: at('home', 'etc', 'file'),
          name: 'file',
        });
        expect((await reach(at('home', 'etc', 'file'), edge)).facts).to.include({ kind: 'file', size: 7 });
        expect((await reach(`${at('home', 'etc')}/`, edge)).facts).to.include({ kind: 'directory' });
        expect((await reach('/', edge)).facts).to.include({ kind: 'directory' });
        expect(await reach('/', edge)).to.include({ name: '.', path: '/' });
        expect(await reach(at('home', 'etc', 'none'), edge)).to.deep.equal({
          path: at('home', 'etc', 'none'),
          name: 'none',
        });
        expect(systemCode(await thrownBy(reach(at('home', 'none', 'file'), edge)))).to.equal('ENOENT');
        expect(systemCode(await thrownBy(reach(at('data', 'file', 'file'), edge)))).to.equal('ENOTDIR');
      });

      for (const [what, make, path, leadsTo] of [
        ['in the last part', [['file', 'home/etc/link']], 'home/etc/link', 'home/etc/file'],
        ['in the middle', [['etc', 'home/conf']], 'home/conf/file', 'home/etc/file'],
        ['upwards', [['../../data/file', 'home/etc/link']], 'home/etc/link', 'data/file'],
        ['upwards in the middle', [['../data/deep', 'home/conf']], 'home/conf/file', 'data/deep/file'],
        ['in roundabout ways', [['.././/./etc//../etc/./file', 'home/etc/link']], 'home/etc/link', 'home/etc/file'],
        ['of an absolute path', [['/data/deep', 'home/conf']], 'home/conf/file', 'data/deep/file'],
        ['to a directory', [['../data/deep/', 'home/conf']], 'home/conf', 'data/deep'],
        ['to its own directory', [['.', 'home/self']], 'home/self/self/etc/file', 'home/etc/file'],
        ['to the directory above', [['..', 'data/deep/up']], 'data/deep/up', 'data'],
        [
          'by other links',
          [
            ['etc', 'home/a'],
            ['a', 'home/b'],
            ['../b/file', 'home/etc/link'],
          ],
          'home/b/link',
          'home/etc/file',
        ],
        [
          'upwards behind a linked directory, which is up from where that leads',
          [
            ['../data/deep', 'home/conf'],
            ['conf/../file', 'home/link'],
          ],
          'home/link',
          'data/file',
        ],
      ] as const) {
        it(`is where links lead ${what}`, async () => {
          for (const [target, name] of make) await symlink(target.startsWith('/') ? at(target) : target, at(name));
          const reached = await reach(at(path), edge);
          expect(reached.path).to.equal(at(leadsTo));
          expect(reached.path).to.equal(await realpath(at(path)));
          expect(reached.facts?.identity).to.equal((await reach(at(leadsTo), edge)).facts?.identity);
        });
      }

      it('has the name that it has in its directory, however a link is written', async () => {
        for (const target of [
          '../data/deep',
          '../data/deep/',
          '../data/./deep/.',
          '../data//deep//',
          at('data', 'deep'),
        ]) {
          await symlink(target, at('home', 'link'));
          expect(await reach(at('home', 'link'), edge), target).to.include({ name: 'deep', path: at('data', 'deep') });
          await unlink(at('home', 'link'));
        }
        await symlink('.', at('home', 'link'));
        expect(await reach(at('home', 'link'), edge)).to.include({ name: '.', path: at('home') });
      });

      it('is behind forty links, and not behind more', async () => {
        await writeFile(at('home', '0'), '');
        for (let each = 1; each <= 41; each += 1) await symlink(`${each - 1}`, at('home', `${each}`));
        expect(await reach(at('home', '40'), edge)).to.include({ name: '0' });
        expect(await thrownBy(reach(at('home', '41'), edge))).to.include({
          name: 'Untouched',
          message: 'its symbolic links lead in a circle',
        });
      });

      it('is where a link leads to which nothing is at', async () => {
        await symlink('../data/none', at('home', 'link'));
        expect(await reach(at('home', 'link'), edge)).to.deep.equal({ path: at('data', 'none'), name: 'none' });
      });

      for (const [what, links] of [
        ['to itself', [['link', 'home/link']]],
        [
          'to one that leads back',
          [
            ['other', 'home/link'],
            ['link', 'home/other'],
          ],
        ],
        ['through its directory', [['link/link', 'home/link']]],
      ] as const) {
        it(`is nowhere where a link leads ${what}`, async () => {
          for (const [target, name] of links) await symlink(target, at(name));
          const error = await thrownBy(reach(at('home', 'link'), edge));
          expect(error).to.be.instanceOf(Untouched).and.have.property('message').that.includes('circle');
        });
      }

      it('leaves nothing open, whatever it comes to', async function () {
        if (process.platform !== 'linux') this.skip();
        await symlink('../data', at('home', 'link'));
        await symlink('circle', at('home', 'circle'));
        const open = () => readdirSync('/proc/self/fd').length;
        const before = open();
        for (const path of ['home/etc/file', 'home/link/file', 'home/none/x', 'home/circle', 'data/file/x']) {
          await reach(at(path), edge).catch(() => undefined);
          await atPlace(at(path), edge, () => Promise.reject(new Error('made up'))).catch(() => undefined);
        }
        expect(open()).to.equal(before);
      });
    });
  }

  describe('behind links of others', () => {
    beforeEach(function () {
      if (!isRoot) this.skip(); // Only root can give links away.
    });

    for (const [what, target, name, path] of [
      ['the last part', 'file', 'home/etc/link', 'home/etc/link'],
      ['the middle', 'etc', 'home/conf', 'home/conf/file'],
      ['the target of another link', 'theirs', 'home/etc/link', 'home/etc/link'],
    ] as const) {
      it(`is not gone to where it is ${what}, and the user is named`, async () => {
        if (target === 'theirs') {
          await symlink(target, at(name));
          await linkOf(OTHER, 'file', at('home', 'etc', 'theirs'));
        } else {
          await linkOf(OTHER, target, at(name));
        }
        const error = await thrownBy(reach(at(path)));
        expect(error).to.be.instanceOf(Untouched);
        expect(error).to.have.property('message').that.includes('belongs to another user').and.includes(`${OTHER.uid}`);
        expect(error).to.have.property('hint').that.includes('link of root');
      });
    }

    it('is gone to by links of root for whoever runs this, and by their own', async () => {
      const theirs = { ...nodeFileEdge(), uid: OTHER.uid };
      await symlink('file', at('home', 'etc', 'roots'));
      await linkOf(OTHER, 'file', at('home', 'etc', 'own'));
      await linkOf({ ...OTHER, uid: OTHER.uid + 1 }, 'file', at('home', 'etc', 'third'));
      expect((await reach(at('home', 'etc', 'roots'), theirs)).name).to.equal('file');
      expect((await reach(at('home', 'etc', 'own'), theirs)).name).to.equal('file');
      expect(await thrownBy(reach(at('home', 'etc', 'third'), theirs))).to.be.instanceOf(Untouched);
    });
  });

  describe('on Windows', () => {
    for (const trusted of [true, false]) {
      it(`is ${trusted ? 'gone to by' : 'not gone to behind'} links that are ${trusted ? '' : 'not certainly '}of administrators`, async () => {
        await symlink('../data', at('home', 'link'));
        const asked: string[] = [];
        const { uid: _, ...windows } = nodeFileEdge();
        const isAdministrators = async (path: string) => {
          asked.push(path);
          return trusted;
        };
        const edge = { ...windows, acl: { ...windows.acl, isAdministrators } };
        const outcome = await reach(at('home', 'link', 'file'), edge).catch((error: unknown) => error);
        if (trusted) expect(outcome).to.include({ path: at('data', 'file') });
        else expect(outcome).to.be.instanceOf(Untouched).and.have.property('message').that.includes('administrators');
        expect(asked).to.deep.equal([at('home', 'link')]);
      });
    }
  });

  describe('in a directory that others can write', () => {
    beforeEach(async () => {
      await symlink('../../data/file', at('home', 'etc', 'link'));
      await chmod(at('home', 'etc'), 0o777);
    });

    it('is gone to by a link of root, after a moment in which nothing changed', async () => {
      const paused: number[] = [];
      const edge = nodeFileEdge();
      const pause = async (ms: number) => {
        paused.push(ms);
        await edge.pause(ms);
      };
      expect((await reach(at('home', 'etc', 'link'), { ...edge, pause })).path).to.equal(at('data', 'file'));
      expect(paused).to.deep.equal([20]);
    });

    it('is not gone to by a link that is another one while it is read', async () => {
      await symlink('../../data/deep/file', at('home', 'etc', 'evil'));
      const swap = async () => {
        await rename(at('home', 'etc', 'link'), at('home', 'etc', 'aside'));
        await rename(at('home', 'etc', 'evil'), at('home', 'etc', 'link'));
        await rename(at('home', 'etc', 'aside'), at('home', 'etc', 'evil'));
      };
      const change = (operation: string) => (operation === 'readLink' ? swap() : undefined);
      const error = await thrownBy(reach(at('home', 'etc', 'link'), watched(nodeFileEdge(), change, change)));
      expect(error).to.be.instanceOf(Untouched).and.have.property('message').that.includes('being changed');
    });

    it('is gone to by a link that was put in the place of another, and not by that', async () => {
      await symlink('../../data/deep/file', at('home', 'etc', 'new'));
      let swapped = false;
      const edge = watched(nodeFileEdge(), async (operation) => {
        if (operation !== 'readLink' || swapped) return;
        swapped = true;
        await rename(at('home', 'etc', 'new'), at('home', 'etc', 'link'));
      });
      expect((await reach(at('home', 'etc', 'link'), edge)).path).to.equal(at('data', 'deep', 'file'));
    });

    it('is not gone to by a link that has a second name, which they may have given it', async () => {
      await link(at('home', 'etc', 'link'), at('home', 'etc', 'second'));
      const error = await thrownBy(reach(at('home', 'etc', 'second')));
      expect(error).to.be.instanceOf(Untouched).and.have.property('message').that.includes('2 names');
      await chmod(at('home', 'etc'), 0o755);
      expect((await reach(at('home', 'etc', 'second'))).path).to.equal(at('data', 'file'));
    });

    it('says what to do about each of these links', async () => {
      await link(at('home', 'etc', 'link'), at('home', 'etc', 'second'));
      expect(await thrownBy(reach(at('home', 'etc', 'second')))).to.include({ hint: 'Remove it, and make it again.' });
      const { uid: _, ...windows } = nodeFileEdge();
      const edge = { ...windows, acl: { ...windows.acl, isAdministrators: async () => false } };
      expect(await thrownBy(reach(at('home', 'etc', 'link'), edge))).to.include({
        hint: 'Replace the link by a file or directory, or make it again as Administrator.',
      });
    });

    it('is not gone to by a link that is removed while it is read', async () => {
      const edge = watched(
        nodeFileEdge(),
        () => {},
        (operation) => (operation === 'readLink' ? unlink(at('home', 'etc', 'link')) : undefined),
      );
      expect(await thrownBy(reach(at('home', 'etc', 'link'), edge))).to.include({
        name: 'Untouched',
        message: 'what lies in its place is being changed all the time',
      });
    });

    it('is not believed to be missing where a directory of its path is being changed', async () => {
      const failing = watched(nodeFileEdge(), (operation, path) => {
        if (operation === 'directory' && path.startsWith(at('home', 'etc'))) throw systemError('ENOTDIR');
      });
      expect(await thrownBy(reach(at('home', 'etc', 'file'), failing))).to.include({
        name: 'Untouched',
        message: 'what lies in its path is being changed all the time',
      });
      expect(await thrownBy(reach(at('home', 'etc2', 'file'), failing))).to.include({ code: 'ENOTDIR' });
    });

    it('is looked at longer where the file system notes whole seconds', async () => {
      const paused: number[] = [];
      const edge = nodeFileEdge();
      const inSeconds: FileEdge = {
        ...edge,
        pause: async (ms) => {
          paused.push(ms);
        },
        files: {
          ...edge.files,
          async root(path) {
            type Directory = Awaited<ReturnType<FileEdge['files']['root']>>;
            const rounded = (real: Directory): Directory => ({
              ...real,
              directory: async (name) => rounded(await real.directory(name)),
              async look(name) {
                const facts = await real.look(name);
                return facts && { ...facts, changed: facts.changed - (facts.changed % 1_000_000_000n) };
              },
            });
            return rounded(await edge.files.root(path));
          },
        },
      };
      expect((await reach(at('home', 'etc', 'link'), inSeconds)).path).to.equal(at('data', 'file'));
      expect(paused).to.deep.equal([1100]);
    });
  });

  it('knows in which directories others can write', () => {
    const row = (uid: number, gid: number, mode: number, own: number | undefined) =>
      canOthersWrite(
        { kind: 'directory', uid, gid, mode, size: 0, links: 2, identity: '', modified: 0n, changed: 0n },
        own === undefined ? {} : { uid: own },
      );
    expect(row(0, 0, 0o755, 0)).to.equal(false);
    expect(row(0, 0, 0o775, 0)).to.equal(false);
    expect(row(0, 7, 0o755, 0)).to.equal(false);
    expect(row(0, 7, 0o770, 0)).to.equal(true);
    expect(row(0, 0, 0o1777, 0)).to.equal(true);
    expect(row(7, 0, 0o700, 0)).to.equal(true);
    expect(row(7, 7, 0o700, 7)).to.equal(false);
    expect(row(0, 0, 0o700, 7)).to.equal(false);
    expect(row(8, 8, 0o700, 7)).to.equal(true);
    expect(row(8, 8, 0o777, undefined)).to.equal(false);
  });
});
