import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { BARE_ROOT_NEEDS, type BareRoot, makeBareRoot } from './bare-root.js';
import { built, LINUX_X64, onPath, run, skipped, where } from './binaries.js';

const LINUX = { ...built(LINUX_X64), 'Linux on x64': process.platform === 'linux' && process.arch === 'x64' };
const MS = 10_000;

/** What a configuration says to have code loaded that is not a part of OpenSSL. */
const PROVIDERS = ['[node]', 'providers = all', '[all]', 'default = on', 'strange = on', '[on]', 'activate = 1'];
const ENGINES = ['[node]', 'engines = all', '[all]', 'strange = on', '[on]', 'init = 1'];

/** Says so when it is loaded. */
const STRANGE = `
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) { write(2, "loaded\\n", 7); }
`;

const withoutRoot = skipped({ ...BARE_ROOT_NEEDS, 'cc, a compiler for C': onPath('cc') });
(withoutRoot === '' ? describe : describe.skip)(`the host's configuration of OpenSSL${withoutRoot}`, function () {
  this.timeout(30_000);
  let bare: BareRoot;

  before(async () => {
    bare = await makeBareRoot();
    await mkdir(join(bare.root, 'etc', 'ssl'), { recursive: true });
    await mkdir(join(bare.root, 'strange'));
    const strange = join(bare.root, 'strange');
    await writeFile(join(strange, 'more.cnf'), PROVIDERS.join('\n'));
    await writeFile(join(strange, 'strange.c'), STRANGE);
    const compile = ['-shared', '-fPIC', '-o', join(strange, 'strange.so'), join(strange, 'strange.c')];
    const { code, stderr } = await run(where('cc') ?? '', compile, { PATH: process.env['PATH'] });
    expect(code, stderr).to.equal(0);
  });
  after(async () => {
    await rm(bare.root, { recursive: true, force: true });
  });

  for (const [variable, configuration] of [
    ['OPENSSL_MODULES', PROVIDERS],
    ['OPENSSL_ENGINES', ENGINES],
    ['OPENSSL_CONF_INCLUDE', ['.include more.cnf']],
  ] as const) {
    it(`is read as it stands: ${variable} does not name a directory for what it refers to`, async () => {
      await writeFile(
        join(bare.root, 'etc', 'ssl', 'openssl.cnf'),
        `${['nodejs_conf = node', ...configuration].join('\n')}\n`,
      );
      const result = async (env: NodeJS.ProcessEnv) => {
        const { code, stdout, stderr } = await bare.run(['--version'], env);
        // The errors of OpenSSL begin with the number of the thread.
        return { code, stdout, stderr: stderr.replaceAll(/^[0-9A-F]+:/gm, '') };
      };
      expect(await result({ [variable]: '/strange' })).to.deep.equal(await result({}));
    });
  }
});

const elsewhere = skipped(LINUX);
(elsewhere === '' ? describe : describe.skip)(
  `a binary that is started as a part of a cluster${elsewhere}`,
  function () {
    this.timeout(30_000);

    it('leaves the descriptor alone that NODE_CHANNEL_FD names', async () => {
      const child = spawn(LINUX_X64, ['--version'], {
        env: { NODE_CHANNEL_FD: '3', NODE_UNIQUE_ID: '1' },
        stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
        timeout: MS,
      });
      const [, , , channel] = child.stdio;
      if (channel === null || channel === undefined || !('read' in channel)) throw new Error('no channel');
      const [said] = await Promise.all([text(channel), once(child, 'exit')]);
      expect(said).to.equal('');
    });

    it('opens its ports itself, whatever NODE_UNIQUE_ID says', async () => {
      const child = spawn(LINUX_X64, ['sandbox', '--json'], {
        env: { NODE_UNIQUE_ID: '1' },
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: MS,
      });
      const ended = once(child, 'exit');
      try {
        const [line] = await Promise.race([once(child.stdout, 'data'), ended]);
        expect(String(line)).to.include('listening');
      } finally {
        child.kill('SIGKILL');
        await ended;
      }
    });
  },
);
