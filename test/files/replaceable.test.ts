import { chmod, chown, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Access } from '../../src/files/access.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { atPlace, type Place } from '../../src/files/place.js';
import {
  rehearse,
  replaceFile,
  requireReplaceable,
  requireUnprotected,
  setAccess,
  stageFile,
} from '../../src/files/replace.js';
import { systemError, watched } from './faulty.js';
import { isRoot, OTHER, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

const UNIX: Access = { platform: 'unix', mode: 0o640, secret: true };
const WINDOWS: Access = { ...UNIX, platform: 'windows' };

describe('files/replace, a file that is there', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);
  const inPlace = <T>(work: (place: Place) => Promise<T>, edge: FileEdge = nodeFileEdge(), name = 'file') =>
    atPlace(at(name), edge, work);

  beforeEach(async () => {
    scratch = await scratchDirectory();
    await writeFile(at('file'), 'the old', { mode: 0o640 });
  });
  afterEach(() => removeScratch(scratch));

  describe('in a directory that lets only owners replace', () => {
    const FOREIGN = 'it belongs to another user, and its directory lets only the owner replace it';
    /** The file and its directory belong to these users, and a third runs this. */
    const asked = async (file: number, directory: number, mode: number, uid: number) => {
      await chown(scratch, directory, 0);
      await chmod(scratch, mode);
      await chown(at('file'), file, 0);
      return await inPlace((place) => requireReplaceable(place, 'unix', { uid }));
    };
    beforeEach(function () {
      if (!isRoot) this.skip();
    });

    it("is not another user's to replace", async () => {
      expect(await thrownBy(asked(0, 0, 0o1777, OTHER.uid))).to.include({ name: 'Untouched', message: FOREIGN });
      expect(await thrownBy(asked(OTHER.uid + 1, 0, 0o1777, OTHER.uid))).to.include({ message: FOREIGN });
    });
    for (const [who, file, directory, mode, uid] of [
      ['root', OTHER.uid, OTHER.uid, 0o1777, 0],
      ['its owner', OTHER.uid, 0, 0o1777, OTHER.uid],
      ['the owner of the directory', 0, OTHER.uid, 0o1777, OTHER.uid],
      ['anybody, where the directory says nothing of it', 0, 0, 0o777, OTHER.uid],
    ] as const) {
      it(`is to be replaced by ${who}`, async () => {
        await asked(file, directory, mode, uid);
      });
    }
    it('is no question where nothing is there, nor on Windows', async () => {
      await chmod(scratch, 0o1777);
      const other = { uid: OTHER.uid };
      await inPlace((place) => requireReplaceable(place, 'windows', other));
      await inPlace((place) => requireReplaceable(place, 'unix', other), nodeFileEdge(), 'none');
    });
    it('is what a rehearsal notices', async () => {
      await chmod(scratch, 0o1777);
      const edge = { ...nodeFileEdge(), uid: OTHER.uid };
      expect(await thrownBy(inPlace((place) => rehearse(place, UNIX, edge), edge))).to.include({ message: FOREIGN });
    });
  });

  describe('that is protected', () => {
    const failing = (code: string) =>
      watched(nodeFileEdge(), (operation) => {
        if (operation === 'open r+') throw systemError(code);
      });
    const asked = (platform: Access['platform'], code: string) =>
      thrownBy(inPlace((place) => requireUnprotected(place, platform), failing(code)));

    it('is told with what removes the protection', async () => {
      expect(await asked('unix', 'EPERM')).to.include({
        name: 'Untouched',
        message: 'it is marked immutable or append-only',
        hint: 'Remove the mark with chattr -i -a, and run the command again.',
      });
      expect(await asked('windows', 'EPERM')).to.include({
        name: 'Untouched',
        message: 'it is read-only, or this user may not write it',
        hint: 'Run as Administrator, and remove the read-only mark (attrib -r).',
      });
    });
    it('fails as the system does otherwise', async () => {
      expect(await asked('unix', 'EBUSY')).to.include({ code: 'EBUSY' });
      expect(await asked('windows', 'EACCES')).to.include({ code: 'EACCES' });
    });
    it('may be replaced where it may only not be written, or is in use for a moment', async () => {
      await inPlace((place) => requireUnprotected(place, 'unix'), failing('EACCES'));
      await inPlace((place) => requireUnprotected(place, 'windows'), failing('EBUSY'));
    });
    it('is not opened for longer than it takes', async () => {
      const seen: string[] = [];
      const edge = watched(nodeFileEdge(), (operation, path) => void seen.push(`${operation} ${path}`));
      await inPlace((place) => requireUnprotected(place, 'unix'), edge);
      expect(seen.slice(-3, -1)).to.deep.equal([`open r+ ${at('file')}`, `close ${at('file')}`]);
    });
    it('is what a rehearsal notices', async () => {
      const edge = failing('EPERM');
      expect(await thrownBy(inPlace((place) => rehearse(place, UNIX, edge), edge))).to.include({
        message: 'it is marked immutable or append-only',
      });
    });
  });

  it('keeps the new one beside it where that cannot be put in its place, if it is told to', async () => {
    const edge = watched(nodeFileEdge(), (operation) => {
      if (operation === 'rename') throw systemError('EIO');
    });
    for (const [otherwise, count] of [
      ['removed', 1],
      ['left', 2],
    ] as const) {
      await inPlace(async (place) => {
        const staged = await stageFile(place, 'the new', UNIX, edge);
        expect(await thrownBy(staged.commit(otherwise))).to.include({ code: 'EIO' });
        expect(await place.directory.list()).to.have.length(count);
      }, edge);
    }
  });

  it('takes text as UTF-8, and bytes as they are', async () => {
    const edge = nodeFileEdge();
    await inPlace((place) => replaceFile(place, 'ß', UNIX, edge));
    expect([...(await readFile(at('file')))]).to.deep.equal([0xc3, 0x9f]);
    await inPlace((place) => replaceFile(place, Uint8Array.of(0xdf), UNIX, edge));
    expect([...(await readFile(at('file')))]).to.deep.equal([0xdf]);
  });

  it('leaves no descriptor open', async () => {
    let open = 0;
    const edge = watched(
      nodeFileEdge(),
      (operation) => {
        if (operation === 'close') open -= 1;
      },
      (operation) => {
        if (operation.startsWith('open ')) open += 1;
      },
    );
    await inPlace((place) => replaceFile(place, 'the new', UNIX, edge), edge);
    await inPlace((place) => replaceFile(place, 'the new', WINDOWS, edge), edge);
    await inPlace(async (place) => (await stageFile(place, 'x', UNIX, edge)).discard(), edge);
    await inPlace((place) => rehearse(place, UNIX, edge), edge);
    // On Windows it was closed before it was renamed, and once more to be certain.
    expect(open).to.equal(-1);
  });

  describe('is not given away', () => {
    it('where it has the owner that it should have', async function () {
      if (!isRoot) this.skip();
      const given: string[] = [];
      const edge = watched(nodeFileEdge(), (operation) => {
        if (operation === 'chown' || operation === 'chmod') given.push(operation);
      });
      const owner = { uid: 0, gid: 0 };
      const put = (access: Access) => inPlace((place) => replaceFile(place, 'the new', access, edge), edge);
      const before = process.umask(0o022);
      try {
        await put({ ...UNIX, owner });
        expect(given.splice(0)).to.deep.equal([]);
        await put({ ...UNIX, owner: { uid: 0, gid: OTHER.gid } });
        expect(given.splice(0)).to.deep.equal(['chown']);
        await put({ ...UNIX, owner: { uid: OTHER.uid, gid: 0 } });
        expect(given.splice(0)).to.deep.equal(['chown']);
        await put({ ...UNIX, mode: 0o660, owner });
        expect(given.splice(0)).to.deep.equal(['chmod']);
      } finally {
        process.umask(before);
      }
    });
    it('where another was put in its place', async () => {
      await writeFile(at('another'), '', { mode: 0o600 });
      const error = await thrownBy(
        inPlace(async (place) => {
          const { facts } = place;
          await place.directory.rename('another', 'file');
          await setAccess(
            { ...place, ...(facts === undefined ? {} : { facts }) },
            { ...UNIX, mode: 0o600 },
            nodeFileEdge(),
          );
        }),
      );
      expect(error).to.include({ name: 'Untouched', message: 'another was put in its place' });
    });
  });
});
