import { chmod, chown, lstat, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemCode } from '../../src/errors.js';
import type { Access } from '../../src/files/access.js';
import { factsOf, factsOfParent, makeDirectory, removeDirectories } from '../../src/files/directories.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { Untouched } from '../../src/files/file-error.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { systemError, watched } from './faulty.js';
import { isRoot, OTHER, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

const ACCESS: Access = { platform: 'unix', mode: 0o750, secret: false };

describe('files/directories', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);
  const make = (path: string, access: Access = ACCESS, edge: FileEdge = nodeFileEdge()) =>
    makeDirectory(path, () => access, edge);

  beforeEach(async () => {
    scratch = await scratchDirectory();
  });
  afterEach(() => removeScratch(scratch));

  it('are told of, behind links too, and their parents', async () => {
    await mkdir(at('a'));
    await symlink('a', at('link'));
    const edge = nodeFileEdge();
    const facts = await factsOf(at('link'), edge);
    expect(facts).to.include({ kind: 'directory' });
    expect(facts?.identity).to.equal((await factsOf(at('a'), edge))?.identity);
    expect((await factsOfParent(at('a', 'none'), edge))?.identity).to.equal(facts?.identity);
    expect(await factsOf(at('none', 'a'), edge)).to.equal(undefined);
    expect(await factsOfParent(at('none', 'a'), edge)).to.equal(undefined);
    await writeFile(at('file'), '');
    expect(systemCode(await thrownBy(factsOf(at('file', 'a'), edge)))).to.equal('ENOTDIR');
  });

  for (const [how, files] of [
    ['by descriptors', nodeFiles()],
    ['by paths', nodeFiles(false)],
  ] as const) {
    it(`are made with mode and owner as told, whatever the umask and the directory above, ${how}`, async () => {
      await chmod(scratch, 0o2777);
      const owner = isRoot ? { owner: OTHER } : {};
      for (const umask of [0o000, 0o077]) {
        const before = process.umask(umask);
        try {
          const edge = { ...nodeFileEdge(), files };
          expect(await make(at('made'), { ...ACCESS, ...owner }, edge)).to.equal(true);
          const { mode, uid, gid } = await stat(at('made'));
          expect(mode & 0o7777).to.equal(0o750);
          if (isRoot) expect({ uid, gid }).to.deep.equal(OTHER);
          await rm(at('made'), { recursive: true });
        } finally {
          process.umask(before);
        }
      }
    });
  }

  it('are made as the directory above them says', async () => {
    await chmod(scratch, 0o711);
    await makeDirectory(at('made'), ({ mode }) => ({ ...ACCESS, mode }), nodeFileEdge());
    expect((await stat(at('made'))).mode & 0o7777).to.equal(0o711);
  });

  it('that are there stay what they are', async () => {
    await mkdir(at('there'));
    await chmod(at('there'), 0o707);
    expect(await make(at('there'))).to.equal(false);
    const raced = watched(nodeFileEdge(), (operation) =>
      operation === 'makeDirectory' ? mkdir(at('raced')) : undefined,
    );
    expect(await make(at('raced'), ACCESS, raced)).to.equal(false);
    expect((await stat(at('there'))).mode & 0o7777).to.equal(0o707);
  });

  it('are made where a link leads to which nothing is at, and behind links', async () => {
    await mkdir(at('a'));
    await symlink('a', at('link'));
    await symlink('a/target', at('dangling'));
    await make(at('link', 'made'));
    await make(at('dangling'));
    expect((await readdir(at('a'))).sort()).to.deep.equal(['made', 'target']);
    expect((await lstat(at('dangling'))).isSymbolicLink()).to.equal(true);
  });

  it('are not made at all, at whatever operation it fails', async () => {
    const failed: string[] = [];
    for (let failing = 1, all = false; !all; failing += 1) {
      let count = 0;
      let last = '';
      const edge = watched(nodeFileEdge(), (operation) => {
        count += 1;
        if (count !== failing) return;
        last = operation;
        throw systemError('EIO');
      });
      const owner = isRoot ? { owner: OTHER } : {};
      const outcome = await make(at('made'), { ...ACCESS, ...owner }, edge).catch((error: unknown) => error);
      all = count < failing;
      if (outcome !== true) {
        failed.push(last);
        expect(systemCode(outcome), last).to.equal('EIO');
      }
      expect(await readdir(scratch), last).to.deep.equal(outcome === true ? ['made'] : []);
      await rm(at('made'), { recursive: true, force: true });
    }
    expect(failed).to.include.members(['makeDirectory', 'open r', 'chmod', 'sync directory']);
  });

  describe('that others put in the place of one that was made', () => {
    /** Does it between the making and the opening. */
    const swapped = (swap: () => Promise<unknown>) =>
      watched(nodeFileEdge(), (operation, path) =>
        operation === 'open r' && path === at('made')
          ? rename(at('made'), at('away'))
              .then(swap)
              .then(() => undefined)
          : undefined,
      );

    it('are not given away: a file', async () => {
      await writeFile(at('secret'), '', { mode: 0o600 });
      const edge = swapped(() => rename(at('secret'), at('made')));
      expect(await thrownBy(make(at('made'), ACCESS, edge)))
        .to.be.instanceOf(Untouched)
        .and.have.property('message', 'another was put in its place');
      expect((await stat(at('made'))).mode & 0o7777).to.equal(0o600);
    });

    it('are not given away: a directory of theirs', async function () {
      if (!isRoot) this.skip(); // Only root can give directories away.
      const edge = swapped(() => mkdir(at('made')).then(() => chown(at('made'), OTHER.uid, OTHER.gid)));
      const error = await thrownBy(make(at('made'), ACCESS, edge));
      expect(error).to.be.instanceOf(Untouched).and.have.property('message').that.includes(`${OTHER.uid}`);
    });

    it('are not gone to: a link', async () => {
      await mkdir(at('secret'), { mode: 0o700 });
      const edge = swapped(() => symlink('secret', at('made')));
      expect(systemCode(await thrownBy(make(at('made'), ACCESS, edge)))).to.equal('ELOOP');
      expect((await stat(at('secret'))).mode & 0o7777).to.equal(0o700);
    });
  });

  it('are restricted on Windows where they are secret, and inherit where they are not', async () => {
    for (const secret of [true, false]) {
      const seen: string[] = [];
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation.startsWith('acl') || operation === 'chmod') seen.push(operation);
      });
      expect(await make(at(`${secret}`), { platform: 'windows', mode: 0o750, secret }, edge)).to.equal(true);
      expect(seen).to.deep.equal(secret ? ['acl of directory'] : []);
    }
  });

  it('are taken away from the last that was made on, but for those that something is in', async () => {
    const made = [at('a'), at('a', 'b'), at('a', 'b', 'c')];
    for (const path of made) await make(path);
    await writeFile(at('a', 'file'), '');
    await removeDirectories([...made, at('none')], nodeFileEdge());
    expect(await readdir(at('a'))).to.deep.equal(['file']);
    await rm(at('a', 'file'));
    await removeDirectories(made, nodeFileEdge());
    expect(await readdir(scratch)).to.deep.equal([]);
  });
});
