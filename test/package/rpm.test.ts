import { existsSync } from 'node:fs';
import { copyFile, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { makeRpm } from '../../scripts/package/rpm.js';
import { type Manager, startManager } from '../deploy/sandbox-host.js';
import { built, LINUX_X64, onPath, ROOT, run, skipped, where } from './binaries.js';
import { expectComments, expectedFiles } from './linux-package.js';
import { earlier, RPM, RPM_ARM64, VERSION } from './order.js';

const MINUTE = 60_000;
const ENVIRONMENT = '/etc/agent-enroll/environment';
const env = { PATH: process.env['PATH'], HOME: '/nonexistent', LC_ALL: 'C' };
const REQUIRED = [
  '/bin/sh',
  'libc.so.6(GLIBC_2.28)(64bit)',
  'libgcc_s.so.1()(64bit)',
  'libstdc++.so.6(GLIBCXX_3.4.21)(64bit)',
];
const needs = { ...built(RPM), rpm: onPath('rpm') };
const missing = skipped({ ...needs, ...built(RPM_ARM64) });
const withLint = skipped({ ...needs, rpmlint: onPath('rpmlint') });
const withRoot = skipped({
  ...needs,
  rpmbuild: onPath('rpmbuild'),
  dash: onPath('dash'),
  'root, for chroot': process.getuid?.() === 0,
  'Linux on x64': process.platform === 'linux' && process.arch === 'x64',
});

(missing === '' ? describe : describe.skip)(`the packages for Red Hat's systems${missing}`, function () {
  this.timeout(2 * MINUTE);
  const asked = async (rpm: string, ...args: readonly string[]) =>
    (await run('/usr/bin/env', ['rpm', '--query', '--package', ...args, rpm], env)).stdout.trimEnd().split('\n');

  for (const [rpm, architecture] of [
    [RPM, 'x86_64'],
    [RPM_ARM64, 'aarch64'],
  ] as const) {
    it(`holds what a host needs, each in its place, for ${architecture}`, async () => {
      const query = '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]';
      const listed = (await asked(rpm, '--queryformat', query))
        .filter((line) => !line.startsWith('d'))
        .map((line) => {
          const [mode = '', owner = '', path = ''] = line.split(' ');
          return { mode, owner, path };
        });
      expect(listed).to.have.deep.members(
        expectedFiles({
          units: '/usr/lib/systemd/system',
          zsh: '/usr/share/zsh/site-functions',
          documents: ['/usr/share/licenses/agent-enroll/LICENSES.txt'],
        }),
      );
      expect(await asked(rpm, '--queryformat', '%{VERSION}-%{RELEASE} %{ARCH}')).to.deep.equal([
        `${VERSION}-1 ${architecture}`,
      ]);
      expect(await asked(rpm, '--configfiles')).to.deep.equal([ENVIRONMENT]);
      const flags = await asked(rpm, '--queryformat', '[%{FILENAMES} %{FILEFLAGS:fflags}\n]');
      expect(flags).to.include(`${ENVIRONMENT} cn`);
      const required = (await asked(rpm, '--requires')).filter((line) => !line.startsWith('rpmlib('));
      expect([...new Set(required)]).to.have.members(REQUIRED);
      // Nothing of the machine that made it.
      expect(await asked(rpm, '--queryformat', '%{BUILDHOST}')).to.deep.equal(['localhost']);
    });
  }

  (withLint === '' ? it : it.skip)(`is found clean by rpmlint${withLint}`, async () => {
    const config = join(ROOT, 'deploy/packages/rpm/rpmlint.toml');
    const { code, stdout } = await run('/usr/bin/env', ['rpmlint', '--config', config, RPM, RPM_ARM64], env);
    expect(code, stdout).to.equal(0);
    expect(stdout).to.contain('2 packages and 0 specfiles checked; 0 errors, 0 warnings');
  });
});

(withRoot === '' ? describe : describe.skip)(`the package in a root and a database of its own${withRoot}`, function () {
  this.timeout(2 * MINUTE);
  let root: string;
  let manager: Manager;
  let older: string;
  const scratch: string[] = [];
  const at = (path: string) => join(root, path);
  const read = (path: string) => readFile(at(path), 'utf8');
  const rpm = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run('/usr/bin/env', ['rpm', '--root', root, ...args], env);
    expect(code, stdout + stderr).to.equal(0);
    return stdout;
  };
  const enroll = (...args: readonly string[]) =>
    run(
      where('chroot') ?? '',
      [root, 'sh', '-c', `set -a; . ${ENVIRONMENT}; agent-enroll --json "$@"`, 'sh', ...args],
      {
        PATH: '/usr/bin:/bin',
      },
    );

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'agent-enroll-rpm-'));
    scratch.push(root);
    // A shell, and what it and the binary are linked with.
    const dash = where('dash') ?? '';
    const linked = (await Promise.all([dash, LINUX_X64].map((file) => run(where('ldd') ?? '', [file])))).flatMap(
      ({ stdout }) => stdout.match(/\/\S+/g) ?? [],
    );
    for (const file of new Set([dash, ...linked])) {
      await mkdir(at(dirname(file)), { recursive: true });
      await copyFile(file, at(file));
    }
    await mkdir(at('/bin'), { recursive: true });
    await symlink(dash, at('/bin/sh'));
    manager = await startManager();

    await rpm('--install', await system());
    const binary = at('earlier-program');
    await writeFile(binary, '#!/bin/sh\necho earlier\n');
    const order = await earlier('linux-x64', binary);
    scratch.push(order.output);
    await mkdir(order.scratch);
    older = join(order.output, await makeRpm(order));
  });
  after(async () => {
    await manager?.close();
    for (const directory of scratch) await rm(directory, { recursive: true, force: true });
  });

  /** A package that stands for the system below: it gives what a Red Hat gives, and nothing else. */
  async function system(): Promise<string> {
    const place = await mkdtemp(join(tmpdir(), 'agent-enroll-system-'));
    scratch.push(place);
    const spec = join(place, 'system.spec');
    const provided = REQUIRED.map((name) => `Provides: ${name}\n`).join('');
    await writeFile(
      spec,
      `Name: system\nVersion: 1\nRelease: 1\nSummary: What is below\nLicense: MIT\nBuildArch: noarch\n${provided}%description\nWhat is below.\n%files\n`,
    );
    const { code, stderr } = await run('/usr/bin/env', ['rpmbuild', '-bb', '--define', `_topdir ${place}`, spec], env);
    expect(code, stderr).to.equal(0);
    return join(place, 'RPMS/noarch/system-1-1.noarch.rpm');
  }

  it('installs an earlier one, whose file of settings is then filled in', async () => {
    await rpm('--install', older);
    expect(await read('/usr/bin/agent-enroll')).to.contain('earlier');
    expect((await lstat(at(ENVIRONMENT))).mode & 0o777).to.equal(0o600);
    const lines = Object.entries({ ...manager.environment, WAZUH_AGENT_NAME: 'web-01' });
    await writeFile(at(ENVIRONMENT), lines.map(([name, value]) => `${name}=${value}\n`).join(''));
  });

  it('is an upgrade, and leaves the settings as they were filled in', async () => {
    const filled = await read(ENVIRONMENT);
    await rpm('--upgrade', RPM);
    expect(await rpm('--query', 'agent-enroll')).to.equal(`agent-enroll-${VERSION}-1.x86_64\n`);
    expect(await read(ENVIRONMENT)).to.equal(filled);
    expect((await lstat(at(ENVIRONMENT))).mode & 0o777).to.equal(0o600);
    expectComments(await read(`${ENVIRONMENT}.rpmnew`));
    expect((await readFile(at('/usr/bin/agent-enroll'))).equals(await readFile(LINUX_X64))).to.equal(true);
  });

  it('is not enabled', () => {
    expect(existsSync(at('/usr/lib/systemd/system/agent-enroll.service'))).to.equal(true);
    expect(existsSync(at('/etc/systemd'))).to.equal(false);
  });

  it('enrolls the host with what the file of settings says', async () => {
    const { code, stdout, stderr } = await enroll();
    expect(code, stdout + stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: true });
    expect(await read('/var/ossec/etc/client.keys')).to.match(/^001 web-01 /);
  });

  it('leaves key, notes and what was filled in alone when it is removed', async () => {
    const key = await read('/var/ossec/etc/client.keys');
    const notes = await read('/var/ossec/.agent-enroll/notes.json');
    const filled = await read(ENVIRONMENT);
    await rpm('--erase', 'agent-enroll');
    for (const gone of ['/usr/bin/agent-enroll', '/usr/share/licenses/agent-enroll', ENVIRONMENT]) {
      expect(existsSync(at(gone)), gone).to.equal(false);
    }
    expect(await read('/var/ossec/etc/client.keys')).to.equal(key);
    expect(await read('/var/ossec/.agent-enroll/notes.json')).to.equal(notes);
    expect(await read(`${ENVIRONMENT}.rpmsave`)).to.equal(filled);
  });
});
