import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { changelogSection } from '../../scripts/release/changelog.js';
import { LINUX_ARM64, LINUX_X64, onPath, ROOT, run, skipped, WINDOWS, WINDOWS_ARM64 } from './binaries.js';
import { DEB, DEB_ARM64, MSI, RPM, RPM_ARM64, VERSION } from './order.js';

const BINARIES = [LINUX_X64, LINUX_ARM64, WINDOWS, WINDOWS_ARM64];
const PACKAGES = [DEB, DEB_ARM64, RPM, RPM_ARM64, MSI];
const withBinaries = skipped({
  'the binaries, made by npm run package': BINARIES.every(existsSync),
  'a git checkout': existsSync(join(ROOT, '.git')) && onPath('git'),
});

describe('the section of a version in the change log', () => {
  const LOG =
    '# Changes\n\n## [Unreleased]\n\n- x\n\n## [0.2.0] - 2026-11-01\n\n- two\n\n### Fixed\n\n- three\n\n## 0.1.0\n\n- one\n';
  it('goes from its heading to the next of that rank', () => {
    expect(changelogSection(LOG, '0.2.0')).to.equal('## [0.2.0] - 2026-11-01\n\n- two\n\n### Fixed\n\n- three\n');
    expect(changelogSection(LOG, '0.1.0')).to.equal('## 0.1.0\n\n- one\n');
  });
  it('is none where the version has no heading, or nothing below it', () => {
    expect(changelogSection(LOG, '0.1')).to.equal(undefined);
    expect(changelogSection(LOG, '0.2.01')).to.equal(undefined);
    expect(changelogSection('## 0.3.0\n\n## 0.2.0\n- x\n', '0.3.0')).to.equal(undefined);
  });
});

(withBinaries === '' ? describe : describe.skip)(`npm run release${withBinaries}`, function () {
  this.timeout(120_000);
  let place: string;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'agent-enroll-release-'));
  });
  afterEach(() => rm(place, { recursive: true, force: true }));

  const output = () => join(place, 'release');
  const release = (env: NodeJS.ProcessEnv, ...args: readonly string[]) => {
    const script = ['--import', 'tsx', join(ROOT, 'scripts/release/release.ts')];
    return run(process.execPath, [...script, '--built', '--draft', '--output', output(), ...args], {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...env,
    });
  };
  const verify = (key: string) =>
    run('/usr/bin/env', ['minisign', '-V', '-p', key, '-m', join(output(), 'SHA256SUMS')], {
      PATH: process.env['PATH'],
    });

  it('gathers all that was made, with its sums, and says what is missing', async () => {
    const { code, stdout, stderr } = await release({});
    expect(code, stdout + stderr).to.equal(0);
    const names = await readdir(output());
    const files = [...BINARIES, ...PACKAGES.filter((file) => existsSync(file))].map((file) => file.split('/').at(-1));
    expect(names).to.include.members([...files, 'SHA256SUMS', 'sbom.cdx.json', 'LICENSES.txt', 'install.sh']);
    expect(names).to.include.members(['Install-AgentEnroll.ps1', `agent-enroll-${VERSION}.tgz`]);
    const sums = await readFile(join(output(), 'SHA256SUMS'), 'utf8');
    const listed = sums.trimEnd().split('\n');
    expect(listed.map((line) => line.slice(66))).to.have.members(names.filter((name) => name !== 'SHA256SUMS'));
    const checked = await run('/bin/sh', ['-c', `cd '${output()}' && sha256sum --check --quiet SHA256SUMS`], {
      PATH: process.env['PATH'],
    });
    expect(checked).to.deep.equal({ code: 0, stdout: '', stderr: '' });

    for (const name of names) expect(stdout).to.contain(`  ${name}\n`);
    expect(stdout).to.contain('SHA256SUMS is not signed: no key was given (--key FILE or MINISIGN_KEY_FILE).');
    for (const file of PACKAGES) {
      const name = file.split('/').at(-1);
      expect(stdout).to.contain(existsSync(file) ? `  ${name}\n` : `No ${name}: `);
    }
    expect(stdout).to.match(names.includes('CHANGES.md') ? / {2}CHANGES\.md\n/ : /No CHANGES\.md: /);
  });

  it('signs the sums with the key that it is given, by an option or a variable', async function () {
    if (!onPath('minisign')) {
      process.stderr.write('    skipped: minisign not installed\n');
      this.skip();
    }
    const [secret, key, other] = ['secret', 'key', 'other'].map((name) => join(place, name));
    for (const pair of [key, other]) {
      const args = [
        'minisign',
        '-G',
        '-W',
        '-f',
        '-p',
        String(pair),
        '-s',
        pair === key ? String(secret) : `${pair}.secret`,
      ];
      expect((await run('/usr/bin/env', args, { PATH: process.env['PATH'] })).code).to.equal(0);
    }
    for (const [env, args] of [
      [{}, ['--key', String(secret)]],
      [{ MINISIGN_KEY_FILE: String(secret) }, []],
    ] as const) {
      const { code, stdout, stderr } = await release(env, ...args);
      expect(code, stdout + stderr).to.equal(0);
      expect(stdout).to.contain('  SHA256SUMS.minisig\n').and.to.not.contain('is not signed');
      expect((await verify(String(key))).code).to.equal(0);
      expect((await verify(String(other))).code).to.not.equal(0);
      expect((await verify(String(key))).stdout).to.contain(`agent-enroll ${VERSION} `);
    }
  });

  it('ends where the key that it is given is not there', async () => {
    const { code, stderr } = await release({}, '--key', join(place, 'none'));
    expect(code).to.not.equal(0);
    expect(stderr).to.contain('There is no key');
  });
});
