import { existsSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Access } from '../../src/files/access.js';
import { makeDirectory } from '../../src/files/directories.js';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { atPlace } from '../../src/files/place.js';
import { readFile, readTail } from '../../src/files/read.js';
import { rehearse, replaceFile, setAccess } from '../../src/files/replace.js';
import { systemError, watched } from './faulty.js';
import { removeScratch, scratchDirectory } from './scratch.js';

const DESCRIPTORS = '/proc/self/fd';
const ACCESS: Access = { platform: 'unix', mode: 0o600, secret: true };

const WORKS: Readonly<Record<string, (path: string, edge: FileEdge) => Promise<unknown>>> = {
  'read whole': (path, edge) => readFile(path, { limit: 100, owners: 'anyone' }, edge),
  'read at its end': (path, edge) => readTail(path, 3, edge),
  replaced: (path, edge) => atPlace(path, edge, (place) => replaceFile(place, 'new', ACCESS, edge)),
  'to be replaced': (path, edge) => atPlace(path, edge, (place) => rehearse(place, ACCESS, edge)),
  'given its access': (path, edge) => atPlace(path, edge, (place) => setAccess(place, ACCESS, edge)),
  'a directory that is made': (path, edge) => makeDirectory(`${path}.d`, () => ACCESS, edge),
};

describe('no descriptor stays open', () => {
  let scratch: string;
  before(function () {
    if (!existsSync(DESCRIPTORS)) this.skip();
  });
  beforeEach(async () => {
    scratch = await scratchDirectory();
  });
  afterEach(() => removeScratch(scratch));

  for (const [what, work] of Object.entries(WORKS)) {
    it(`of what is ${what}, at whatever operation it fails`, async () => {
      const path = join(scratch, 'file');
      const open = readdirSync(DESCRIPTORS).length;
      for (let failing = 1, count = failing; count >= failing; failing += 1) {
        await writeFile(path, 'old', { mode: 0o644 });
        count = 0;
        let last = '';
        const edge = watched(nodeFileEdge(), (operation) => {
          count += 1;
          if (count !== failing) return;
          last = operation;
          throw systemError('EIO');
        });
        await work(path, edge).catch(() => undefined);
        expect(readdirSync(DESCRIPTORS).length, last).to.be.at.most(open);
        await rm(`${path}.d`, { recursive: true, force: true });
      }
    });
  }
});
