import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { makeDeb } from '../../scripts/package/deb.js';
import { type Manager, startManager } from '../deploy/sandbox-host.js';
import { built, LINUX_ARM64, LINUX_X64, onPath, ROOT, run, skipped } from './binaries.js';
import { DEBIAN_ROOT_NEEDS, type DebianRoot, debianRoot } from './debian-root.js';
import { expectComments, expectedFiles } from './linux-package.js';
import { DEB, DEB_ARM64, EARLIER, earlier, VERSION } from './order.js';

const MINUTE = 60_000;
const ENVIRONMENT = '/etc/agent-enroll/environment';
const UNIT = '/lib/systemd/system/agent-enroll.service';
const STATUS = ['Status', 'Version'].map((field) => `\${${field}}`).join(' ');
/** What an administrator wrote stays, and nobody is asked. */
const UNATTENDED = '--force-confold';
const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
const needs = { ...built(DEB), 'dpkg-deb': onPath('dpkg-deb') };
const missing = skipped({ ...needs, ...built(DEB_ARM64) });
const withLintian = skipped({ ...needs, lintian: onPath('lintian') });
const withRoot = skipped({ ...needs, ...DEBIAN_ROOT_NEEDS });

(missing === '' ? describe : describe.skip)(`the packages for Debian${missing}`, function () {
  this.timeout(2 * MINUTE);

  for (const [deb, binary, architecture] of [
    [DEB, LINUX_X64, 'amd64'],
    [DEB_ARM64, LINUX_ARM64, 'arm64'],
  ] as const) {
    it(`holds what a host needs, each in its place, for ${architecture}`, async () => {
      const contents = (await run('/usr/bin/env', ['dpkg-deb', '--contents', deb], env)).stdout;
      const listed = contents
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('d'))
        .map((line) => {
          const [mode = '', owner = '', , , , path = ''] = line.split(/\s+/);
          return { mode, owner, path: path.slice(1) };
        });
      const documents = ['/usr/share/doc/agent-enroll/changelog.Debian.gz', '/usr/share/doc/agent-enroll/copyright'];
      expect(listed).to.have.deep.members(
        expectedFiles({
          units: '/lib/systemd/system',
          zsh: '/usr/share/zsh/vendor-completions',
          documents: [...documents, '/usr/share/lintian/overrides/agent-enroll'],
        }),
      );
      const fields = (await run('/usr/bin/env', ['dpkg-deb', '--field', deb, 'Version', 'Architecture'], env)).stdout;
      expect(fields).to.equal(`Version: ${VERSION}-1\nArchitecture: ${architecture}\n`);

      const tree = await mkdtemp(join(tmpdir(), 'agent-enroll-deb-'));
      try {
        await run('/usr/bin/env', ['dpkg-deb', '--extract', deb, tree], env);
        const read = (path: string) => readFile(join(tree, path));
        expect((await read('usr/bin/agent-enroll')).equals(await readFile(binary))).to.equal(true);
        const manual = gunzipSync(await read('usr/share/man/man1/agent-enroll.1.gz'));
        expect(manual.equals(await readFile(join(ROOT, 'man/agent-enroll.1')))).to.equal(true);
        expectComments(String(await read('etc/agent-enroll/environment')));
        const unit = await readFile(join(ROOT, 'deploy/systemd/agent-enroll.service'), 'utf8');
        expect(String(await read('lib/systemd/system/agent-enroll.service'))).to.equal(
          unit.replaceAll('/usr/local/bin/', '/usr/bin/'),
        );
        expect(String(await read('usr/share/zsh/vendor-completions/_agent-enroll'))).to.match(
          /^#compdef agent-enroll\n/,
        );
        expect(String(await read('usr/share/doc/agent-enroll/copyright'))).to.contain('\nNode.js 22');
      } finally {
        await rm(tree, { recursive: true, force: true });
      }
    });
  }

  (withLintian === '' ? it : it.skip)(`is found clean by lintian${withLintian}`, async () => {
    // That of the other processor differs in its binary alone, and each takes ten seconds.
    const lintian = ['lintian', '--allow-root', '--fail-on', 'error,warning', DEB];
    const { code, stdout } = await run('/usr/bin/env', lintian, env);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
  });
});

(withRoot === '' ? describe : describe.skip)(`the package on a bare Debian${withRoot}`, function () {
  this.timeout(6 * MINUTE);
  let debian: DebianRoot;
  let manager: Manager;
  let older: string;
  const scratch: string[] = [];
  const at = (path: string) => join(debian.root, path);
  const read = (path: string) => readFile(at(path), 'utf8');
  const dpkg = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await debian.run('dpkg', UNATTENDED, ...args);
    expect(code, stdout + stderr).to.equal(0);
    return stdout;
  };
  const status = async () => (await debian.run('dpkg-query', '-f', STATUS, '-W', 'agent-enroll')).stdout;
  /** What the service does: the program with the lines of its file of settings. */
  const enroll = (...args: readonly string[]) =>
    debian.run('sh', '-c', `set -a; . ${ENVIRONMENT}; agent-enroll --json "$@"`, 'sh', ...args);

  before(async function () {
    const made = await debianRoot();
    if (typeof made === 'string') {
      process.stderr.write(`    skipped: ${made}\n`);
      this.skip();
    }
    debian = made;
    manager = await startManager();
    const binary = at('earlier-program');
    await writeFile(binary, '#!/bin/sh\necho earlier\n');
    const order = await earlier('linux-x64', binary);
    scratch.push(order.output);
    await mkdir(order.scratch);
    older = await debian.bring(join(order.output, await makeDeb(order)));
    await rm(binary);
  });
  after(async () => {
    await manager?.close();
    await debian?.remove();
    for (const directory of scratch) await rm(directory, { recursive: true, force: true });
  });

  it('installs an earlier one, whose file of settings is then filled in', async () => {
    await dpkg('--install', older);
    expect((await debian.run('agent-enroll')).stdout).to.equal('earlier\n');
    expect((await lstat(at(ENVIRONMENT))).mode & 0o777).to.equal(0o600);
    const lines = Object.entries({ ...manager.environment, WAZUH_AGENT_NAME: 'web-01' });
    await writeFile(at(ENVIRONMENT), lines.map(([name, value]) => `${name}=${value}\n`).join(''));
  });

  it('is an upgrade by apt, with all that it depends on there, and leaves the settings as they were filled in', async () => {
    const filled = await read(ENVIRONMENT);
    const { code, stdout, stderr } = await debian.run(
      'apt-get',
      'install',
      '--yes',
      `--option=Dpkg::Options::=${UNATTENDED}`,
      await debian.bring(DEB),
    );
    expect(code, stdout + stderr).to.equal(0);
    expect(await status()).to.equal(`install ok installed ${VERSION}-1`);
    expect((await debian.run('agent-enroll', '--version')).stdout).to.equal(`${VERSION}\n`);
    expect(await read(ENVIRONMENT)).to.equal(filled);
    expect((await lstat(at(ENVIRONMENT))).mode & 0o777).to.equal(0o600);
    expect(await debian.run('dpkg', '--verify', 'agent-enroll')).to.include({ stdout: `??5?????? c ${ENVIRONMENT}\n` });
  });

  it('is not enabled', async () => {
    expect(existsSync(at(UNIT))).to.equal(true);
    const enabled = await debian.run('find', '/etc/systemd', '-name', 'agent-enroll*');
    expect(enabled.stdout).to.equal('');
  });

  it('enrolls the host with what the file of settings says', async () => {
    const { code, stdout, stderr } = await enroll();
    expect(code, stdout + stderr).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: true });
    expect(await read('/var/ossec/etc/client.keys')).to.match(/^001 web-01 /);
  });

  it('leaves key and notes alone when it is put in again and when it is removed', async () => {
    const key = await read('/var/ossec/etc/client.keys');
    const notes = await read('/var/ossec/.agent-enroll/notes.json');
    await dpkg('--install', await debian.bring(DEB));
    expect(JSON.parse((await enroll()).stdout)).to.deep.include({ ok: true, changed: false });
    await dpkg('--remove', 'agent-enroll');
    expect(existsSync(at('/usr/bin/agent-enroll'))).to.equal(false);
    expect(await read('/var/ossec/etc/client.keys')).to.equal(key);
    expect(JSON.parse(await read('/var/ossec/.agent-enroll/notes.json'))).to.have.all.keys(
      Object.keys(JSON.parse(notes)),
    );
    expect(await read(ENVIRONMENT)).to.contain('WAZUH_AGENT_NAME=web-01');
  });

  it('takes its notes and settings along when it is purged, and leaves the key', async () => {
    // systemctl enable makes this link.
    const link = '/etc/systemd/system/multi-user.target.wants/agent-enroll.service';
    await debian.run('sh', '-c', `mkdir -p $(dirname ${link}) && ln -s ${UNIT} ${link}`);
    await dpkg('--purge', 'agent-enroll');
    expect(existsSync(at('/var/ossec/.agent-enroll'))).to.equal(false);
    expect(existsSync(at('/etc/agent-enroll'))).to.equal(false);
    expect((await debian.run('find', '/etc/systemd', '-name', 'agent-enroll*')).stdout).to.equal('');
    expect(await read('/var/ossec/etc/client.keys')).to.match(/^001 web-01 /);
    expect((await debian.run('find', '/usr', '/lib', '-name', '*agent-enroll*')).stdout).to.equal('');
  });

  it('purges the notes of an agent that lives where its installer wrote it down, and follows no link', async () => {
    await dpkg('--install', older);
    expect(await status()).to.equal(`install ok installed ${EARLIER}-1`);
    await debian.run('mkdir', '-p', '/opt/ossec/bin', '/opt/ossec/.agent-enroll', '/srv/other');
    await writeFile(at('/etc/ossec-init.conf'), 'DIRECTORY="/opt/ossec"\nVERSION="v3.13.2"\n');
    await debian.run('ln', '-s', '/srv/other', '/var/ossec/.agent-enroll');
    await dpkg('--purge', 'agent-enroll');
    expect(existsSync(at('/opt/ossec/.agent-enroll'))).to.equal(false);
    await dpkg('--install', older);
    await rm(at('/etc/ossec-init.conf'));
    await dpkg('--purge', 'agent-enroll');
    expect(existsSync(at('/srv/other'))).to.equal(true);
  });
});
