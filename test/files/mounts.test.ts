import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { isLocal, mountPoints } from '../../src/files/mounts.js';

const TERMINALS = '/dev/pts';

describe('a file system', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  it('is local where this machine keeps it', async () => {
    expect(await isLocal('/proc')).to.equal(true);
  });

  it('is not believed to be, where its kind is not known', async function () {
    if (!existsSync(TERMINALS) || mountPoints()?.has(TERMINALS) !== true) this.skip();
    expect(await isLocal(TERMINALS)).to.equal(false);
  });

  it('is not believed to be, where it does not tell', async () => {
    expect(await isLocal(join(tmpdir(), 'agent-enroll-is-not-there'))).to.equal(false);
  });
});
