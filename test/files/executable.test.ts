import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isExecutable } from '../../src/files/executable.js';
import { removeScratch, scratchDirectory } from './scratch.js';

describe('files/executable', () => {
  it('is a program that this user may run, and nothing else', async () => {
    const scratch = await scratchDirectory();
    try {
      const file = join(scratch, 'program');
      expect(isExecutable(file)).to.equal(false);
      await writeFile(file, '', { mode: 0o600 });
      expect(isExecutable(file)).to.equal(false);
      await chmod(file, 0o700);
      expect(isExecutable(file)).to.equal(true);
    } finally {
      await removeScratch(scratch);
    }
  });
});
