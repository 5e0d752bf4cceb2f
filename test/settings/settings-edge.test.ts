import { execFileSync } from 'node:child_process';
import { chmod, chown, link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { nodeSettingsEdge } from '../../src/settings/settings-edge.js';
import { failure } from '../net/expect-error.js';

const LIMIT = 1024;
const never = new AbortController().signal;

describe('the files of the settings', () => {
  if (process.platform === 'win32') return;
  let directory = '';
  const path = (name: string) => join(directory, 'etc', name);
  const own = nodeFileEdge();
  const edge = nodeSettingsEdge(own, never);
  // As if root ran this: then other owners than root count, whoever really runs it.
  const roots = nodeSettingsEdge({ ...own, uid: 0 }, never);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-settings-'));
    await mkdir(join(directory, 'etc'));
    await writeFile(path('file'), 'text\n');
    await chmod(join(directory, 'etc'), 0o710);
    await chmod(path('file'), 0o640);
    await writeFile(path('others'), 'text\n');
    if (process.getuid?.() === 0) await chown(path('others'), 12_345, 12_345);
    await writeFile(path('large'), Buffer.alloc(LIMIT + 1, 'x'));
    await writeFile(path('fits'), Buffer.alloc(LIMIT, 'x'));
    execFileSync('mkfifo', [path('fifo')]);
  });
  after(() => rm(directory, { recursive: true }));

  it('are read with what is known of them', async () => {
    const file = await edge.readFile(path('file'), LIMIT);
    expect(file?.bytes.toString()).to.equal('text\n');
    expect(file?.facts).to.include({ kind: 'file', uid: process.getuid?.(), mode: 0o640 });
    expect(file?.directories[0]).to.include({ kind: 'directory', mode: 0o710 });
    expect((await edge.readFile(path('fits'), LIMIT))?.bytes).to.have.lengthOf(LIMIT);
  });

  it('are none where there is none', async () => {
    expect(await edge.readFile(path('none'), LIMIT)).to.equal(undefined);
    expect(await edge.readFile(path('file/below'), LIMIT)).to.equal(undefined);
  });

  it('are not waited for, and nothing else than a file is read', async () => {
    for (const [name, said] of [
      ['fifo', 'FIFO'],
      ['.', 'directory'],
      ['large', 'larger than 1 KiB'],
    ] as const) {
      const error = await failure('FILE_UNREADABLE', () => edge.readFile(path(name), LIMIT));
      expect(error.message).to.include(said);
    }
  });

  it("are root's alone where root runs", async () => {
    const error = await failure('FILE_UNREADABLE', () => roots.readFile(path('others'), LIMIT));
    expect(error.message).to.include('belongs to user');
    expect(error.hint).to.include('chown root');
  });

  describe('where root runs', () => {
    before(function () {
      if (process.getuid?.() !== 0) this.skip();
    });

    it('come with every directory that leads to them', async () => {
      const file = await roots.readFile(path('file'), LIMIT);
      expect(file?.directories.slice(0, 2).map(({ mode }) => mode)).to.deep.equal([0o710, 0o700]);
      expect(file?.directories).to.have.lengthOf(directory.split('/').length + 1);
    });

    it("are not followed through another user's link, nor read by a second name in others' directories", async () => {
      await chmod(join(directory, 'etc'), 0o777);
      await symlink(path('file'), path('link'));
      execFileSync('chown', ['-h', '12345', path('link')]);
      expect((await failure('FILE_UNREADABLE', () => roots.readFile(path('link'), LIMIT))).message).to.include('link');
      await link(path('fits'), path('second'));
      const error = await failure('FILE_UNREADABLE', () => roots.readFile(path('second'), LIMIT));
      expect(error.message).to.include('hard links');
    });
  });
});
