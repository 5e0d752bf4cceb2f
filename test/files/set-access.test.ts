import { chmod, link, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Access } from '../../src/files/access.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { Untouched } from '../../src/files/file-error.js';
import { atPlace } from '../../src/files/place.js';
import { setAccess } from '../../src/files/replace.js';
import { watched } from './faulty.js';
import { isRoot, OTHER, removeScratch, scratchDirectory, thrownBy } from './scratch.js';

const UNIX: Access = { platform: 'unix', mode: 0o640, secret: true };

describe('files/replace, access that is set right', () => {
  let scratch: string;
  const at = (...names: string[]) => join(scratch, ...names);

  beforeEach(async () => {
    scratch = await scratchDirectory();
  });
  afterEach(() => removeScratch(scratch));

  const set = (access: Access, edge: FileEdge = nodeFileEdge()) =>
    atPlace(at('file'), edge, (place) => setAccess(place, access, edge));

  it('is that of a new one, and the content stays', async () => {
    await writeFile(at('file'), 'content');
    await chmod(at('file'), 0o4666);
    await set({ ...UNIX, ...(isRoot ? { owner: OTHER } : {}) });
    const { mode, uid } = await stat(at('file'));
    expect(mode & 0o7777).to.equal(0o640);
    if (isRoot) expect(uid).to.equal(OTHER.uid);
    expect(await readFile(at('file'), 'utf8')).to.equal('content');
  });

  it('is that of a new one where it differs in the bits alone that a program runs with', async () => {
    await writeFile(at('file'), '');
    await chmod(at('file'), 0o4640);
    await set(UNIX);
    expect((await stat(at('file'))).mode & 0o7777).to.equal(0o640);
  });

  it('is that of a directory too', async () => {
    await mkdir(at('file'));
    await chmod(at('file'), 0o777);
    await set({ ...UNIX, mode: 0o700 });
    expect((await stat(at('file'))).mode & 0o7777).to.equal(0o700);
  });

  it('touches nothing where it is right, where nothing is, and on Windows', async () => {
    const opened: string[] = [];
    const edge = watched(nodeFileEdge(), (operation) => {
      if (operation.startsWith('open')) opened.push(operation);
    });
    await set(UNIX, edge);
    await writeFile(at('file'), '');
    await chmod(at('file'), 0o640);
    await set(UNIX, edge);
    await set({ ...UNIX, platform: 'windows', mode: 0o600 }, edge);
    expect(opened).to.deep.equal([]);
  });

  it('is not given to a second name where others can give names', async () => {
    await writeFile(at('secret'), '', { mode: 0o600 });
    await link(at('secret'), at('file'));
    await chmod(scratch, 0o777);
    expect(await thrownBy(set(UNIX))).to.be.instanceOf(Untouched);
    expect((await stat(at('secret'))).mode & 0o7777).to.equal(0o600);
  });

  it('is not given to another that was put in its place', async () => {
    await writeFile(at('file'), '', { mode: 0o600 });
    await writeFile(at('secret'), '', { mode: 0o600 });
    const edge = watched(nodeFileEdge(), (operation) =>
      operation === 'open r' ? rename(at('secret'), at('file')) : undefined,
    );
    expect(await thrownBy(set(UNIX, edge))).to.be.instanceOf(Untouched);
    expect((await stat(at('file'))).mode & 0o7777).to.equal(0o600);
  });
});
