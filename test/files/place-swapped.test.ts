import { chmod, chown, lchown, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError, systemCode } from '../../src/errors.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { nodeFiles } from '../../src/files/node-files.js';
import { readFile } from '../../src/files/read.js';
import { exchange } from './exchange.js';
import { watched } from './faulty.js';
import { isRoot, OTHER, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

const ROUNDS = 200;
const AT_ONCE = 10;

/** What is read at a path, as text; a refusal as its message. */
async function read(path: string, edge: FileEdge = nodeFileEdge()): Promise<string> {
  try {
    return (await readFile(path, { limit: 1000, owners: 'anyone' }, edge))?.bytes.toString() ?? 'nothing';
  } catch (error) {
    if (error instanceof EnrollError) return error.message;
    throw error;
  }
}

describe('files/place where somebody else changes what lies there', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);

  before(function () {
    if (!isRoot) this.skip(); // Only root can act as somebody else.
  });
  beforeEach(async () => {
    scratch = await scratchDirectory();
    await chmod(scratch, 0o755);
    for (const name of ['good', 'secret']) {
      await mkdir(at(name), { mode: 0o700 });
      await writeFile(at(name, 'file'), name, { mode: 0o600 });
    }
    await mkdir(at('etc'));
    await chmod(at('etc'), 0o777);
  });
  afterEach(() => removeScratch(scratch));

  for (const [what, target, path] of [
    ['a file', 'file', ''],
    ['a directory', '', 'file'],
  ] as const) {
    it(`never goes by a link of theirs that is exchanged with root's all the time, to ${what}`, async () => {
      await symlink(join('..', 'good', target), at('etc', 'link'));
      await symlink(join('..', 'secret', target), at('etc', 'theirs'));
      await lchown(at('etc', 'theirs'), OTHER.uid, OTHER.gid);
      expect(await read(at('etc', 'link', path))).to.equal('good');
      const end = await exchange(at('etc', 'link'), at('etc', 'theirs'), at('exchange'));
      const seen = new Set<string>();
      try {
        for (let round = 0; round < ROUNDS; round += AT_ONCE) {
          const some = Array.from({ length: AT_ONCE }, () => read(at('etc', 'link', path)));
          for (const outcome of await Promise.all(some)) seen.add(outcome);
        }
      } finally {
        await end();
      }
      expect(seen).not.to.include('secret');
      const refusals = [...seen].filter((outcome) => outcome.includes('cannot be read'));
      expect(refusals.join()).to.contain(`${OTHER.uid}`);
      // What is left may be root's link, or nothing in the moment in which it is renamed.
      for (const outcome of refusals) seen.delete(outcome);
      expect([...seen].filter((outcome) => outcome !== 'good' && outcome !== 'nothing')).to.deep.equal([]);
    }).timeout(60_000);
  }

  describe('a directory that is swapped', () => {
    beforeEach(async () => {
      await mkdir(at('etc', 'held'));
      await chown(at('etc', 'held'), OTHER.uid, OTHER.gid);
      await writeFile(at('etc', 'held', 'file'), 'good');
    });

    /** Swaps the directory for a link of theirs before an operation on a path. */
    function swapping(edge: FileEdge, operation: string, path: string): FileEdge {
      let swapped = false;
      return watched(edge, async (name, where) => {
        if (swapped || name !== operation || where !== at(path)) return;
        swapped = true;
        await rename(at('etc', 'held'), at('etc', 'away'));
        await symlink('../secret', at('etc', 'held'));
        await lchown(at('etc', 'held'), OTHER.uid, OTHER.gid);
      });
    }

    for (const [how, files] of [
      ['by descriptors', nodeFiles()],
      ['by paths', nodeFiles(false)],
    ] as const) {
      it(`before it is opened leads nowhere, ${how}`, async () => {
        const edge = swapping({ ...nodeFileEdge(), files }, 'directory', 'etc/held');
        expect(await read(at('etc', 'held', 'file'), edge)).to.contain(`${OTHER.uid}`);
      });
    }

    for (const operation of ['look', 'facts of directory', 'open r'] as const) {
      const path = operation === 'facts of directory' ? 'etc/held' : 'etc/held/file';

      it(`once it is open stays the one that was opened (before ${operation})`, async function () {
        if (process.platform !== 'linux') this.skip();
        const edge = swapping(nodeFileEdge(), operation, path);
        expect(await read(at('etc', 'held', 'file'), edge)).to.equal('good');
      });

      it(`once it is open is an error where it is known by its path alone (before ${operation})`, async () => {
        const edge = swapping({ ...nodeFileEdge(), files: nodeFiles(false) }, operation, path);
        const error = await thrownBy(readFile(at('etc', 'held', 'file'), { limit: 9, owners: 'anyone' }, edge));
        expect(error).to.be.instanceOf(EnrollError).and.include({ code: 'FILE_UNREADABLE' });
        expect(error instanceof EnrollError && systemCode(error.cause)).to.equal('ESTALE');
      });
    }
  });
});
