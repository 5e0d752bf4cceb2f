import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { isLocal, mountPoints } from '../../src/files/mounts.js';
import { removeScratch, scratchDirectory } from './scratch.js';

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

describe('where something is mounted', () => {
  it('is read from what the system tells, with blanks and backslashes in octal', async () => {
    const scratch = await scratchDirectory();
    const mountinfo = join(scratch, 'mountinfo');
    await writeFile(
      mountinfo,
      [
        '21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw',
        String.raw`31 21 0:5 /from /srv/with\040two\040blanks rw - tmpfs tmpfs rw`,
        String.raw`32 21 0:6 /from /srv/tab\011line\012backslash\134040 rw - tmpfs tmpfs rw`,
        '33 21 0:7 / /srv/Umläut rw - tmpfs tmpfs rw',
        '',
      ].join('\n'),
    );
    expect([...(mountPoints(mountinfo) ?? [])].filter(Boolean)).to.deep.equal([
      '/',
      '/srv/with two blanks',
      '/srv/tab\tline\nbackslash\\040',
      '/srv/Umläut',
    ]);
    expect(mountPoints(mountinfo)?.has('/srv')).to.equal(false);
    await removeScratch(scratch);
  });

  it('is not known where the system hides it', () => {
    expect(mountPoints('/nowhere/mountinfo')).to.equal(undefined);
  });
});
