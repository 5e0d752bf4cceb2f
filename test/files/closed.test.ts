import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Access } from '../../src/files/access.js';
import { makeDirectory } from '../../src/files/directories.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { atPlace } from '../../src/files/place.js';
import { readFile, readTail } from '../../src/files/read.js';
import { rehearse, replaceFile, setAccess } from '../../src/files/replace.js';
import { systemError, watched } from './faulty.js';
import { removeScratch, scratchDirectory } from './scratch.js';

const ACCESS: Access = { platform: 'unix', mode: 0o600, secret: true };

const WORKS: Readonly<Record<string, (path: string, edge: FileEdge) => Promise<unknown>>> = {
  'read whole': (path, edge) => readFile(path, { limit: 100, owners: 'anyone' }, edge),
  'read at its end': (path, edge) => readTail(path, 3, edge),
  replaced: (path, edge) => atPlace(path, edge, (place) => replaceFile(place, 'new', ACCESS, edge)),
  'to be replaced': (path, edge) => atPlace(path, edge, (place) => rehearse(place, ACCESS, edge)),
  'given its access': (path, edge) => atPlace(path, edge, (place) => setAccess(place, ACCESS, edge)),
  'a directory that is made': (path, edge) => makeDirectory(`${path}.d`, () => ACCESS, edge),
};

/** What opens a file or directory, once it has done so. */
const OPENS = /^(?:open .*|directory|root)$/;

describe('no file and no directory stays open', () => {
  let scratch: string;
  beforeEach(async () => {
    scratch = await scratchDirectory();
  });
  afterEach(() => removeScratch(scratch));

  for (const [what, work] of Object.entries(WORKS)) {
    it(`of what is ${what}, at whatever operation it fails`, async () => {
      const path = join(scratch, 'file');
      for (let failing = 1, all = false; !all; failing += 1) {
        await writeFile(path, 'old', { mode: 0o644 });
        let count = 0;
        let last = '';
        const open: string[] = [];
        const edge = watched(
          nodeFileEdge(),
          (operation, of) => {
            const at = operation.startsWith('close') ? open.lastIndexOf(of) : -1;
            if (at >= 0) open.splice(at, 1);
            count += 1;
            if (count !== failing) return;
            last = operation;
            throw systemError('EIO');
          },
          (operation, of) => {
            if (OPENS.test(operation)) open.push(of);
          },
        );
        await work(path, edge).catch(() => undefined);
        all = count < failing;
        expect(open, last).to.deep.equal([]);
        await rm(`${path}.d`, { recursive: true, force: true });
      }
    });
  }
});
