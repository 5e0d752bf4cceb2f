import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type Manager, startManager } from './sandbox-host.js';
import { type SignedRelease, signedRelease } from './signature.js';
import { BINARY, deployed, type Ended, needs, program, scratchDirectory, tool, writeProgram } from './tool.js';

const PASSWORD = 'correct horse';
/** The version that the program has, from the manifest. */
const VERSION = /"version": "(.*)"/.exec(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))?.[1];

describe('the shell scripts', function () {
  this.timeout(30_000);
  let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
  beforeEach(async () => {
    scratch = await scratchDirectory();
  });
  afterEach(() => scratch.remove());

  for (const script of [
    'install.sh',
    'container/entrypoint.sh',
    'packer/provision.sh',
    'cloud-init/clean.d/50-agent-enroll',
    ...['postinst', 'prerm', 'postrm'].map((name) => `packages/deb/${name}`),
  ]) {
    it(`finds nothing to complain about in ${script}`, async function () {
      needs(this, 'shellcheck');
      expect((await tool('shellcheck', [deployed(script)])).stdout).to.equal('');
    });
  }

  it('finds nothing to complain about in the script of the user data', async function () {
    needs(this, 'shellcheck');
    const userData = await readFile(deployed('cloud-init/user-data.yaml'), 'utf8');
    const [, script = ''] = /( {6}#!\/bin\/sh\n(?: {6}.*\n|\n)+)/.exec(userData) ?? [];
    const input = script.replace(/^ {6}/gm, '');
    expect(input).to.match(/^#!\/bin\/sh\n[\s\S]*systemctl start "\$agent"\nfi\n/);
    // SC1091: the environment file is not here.
    expect((await tool('shellcheck', ['--exclude=SC1091', '-'], { input })).stdout).to.equal('');
  });

  describe('install.sh', () => {
    let source: string;
    let target: string;
    const install = (...args: readonly string[]): Promise<Ended> =>
      tool('dash', [deployed('install.sh'), '--to', target, ...args]);
    const sum = async () =>
      createHash('sha256')
        .update(await program())
        .digest('hex');

    beforeEach(async function () {
      needs(this, 'dash', 'sha256sum');
      source = join(scratch.path, 'source');
      target = join(scratch.path, 'bin directory');
      await mkdir(source);
      await writeProgram(join(source, BINARY));
      await writeFile(join(source, 'SHA256SUMS'), `${'0'.repeat(64)}  other\n${await sum()}  ${BINARY}\n`);
    });

    it('installs from a directory and from a file:// address', async () => {
      for (const from of [source, `${source}/`, `file://${source}`]) {
        const { code, stdout, stderr } = await install('--from', from);
        expect(stderr).to.equal('');
        expect(stdout).to.equal(`Installed agent-enroll ${VERSION} as ${target}/agent-enroll\n`);
        expect(code).to.equal(0);
        expect((await tool(join(target, 'agent-enroll'), ['--version'])).stdout.trim()).to.equal(VERSION);
      }
      expect(await readdir(target)).to.deep.equal(['agent-enroll']);
    });

    it('installs nothing that was changed, and leaves what is there', async () => {
      await install('--from', source);
      await writeFile(join(source, BINARY), '#!/bin/sh\necho evil\n');
      const { code, stderr } = await install('--from', source);
      expect(stderr).to.contain('Nothing was installed');
      expect(code).to.equal(1);
      expect((await readFile(join(target, 'agent-enroll'))).equals(await program())).to.equal(true);
      expect(await readdir(target)).to.deep.equal(['agent-enroll']);
    });

    it('believes the sum that it is given rather than that of the source', async () => {
      const other = await install('--from', source, '--sha256', 'ab'.repeat(32));
      expect([other.code, await readdir(target)]).to.deep.equal([1, []]);
      await rm(join(source, 'SHA256SUMS'));
      expect((await install('--from', source)).code).to.equal(1);
      expect((await install('--from', source, '--sha256', (await sum()).toUpperCase())).code).to.equal(0);
    });

    it('refuses wrong usage with exit 2, and a source without the binary with 1', async () => {
      for (const args of [
        [],
        ['--from'],
        ['--form', source],
        ['--from', source, '--sha256', 'abc'],
        ['--from', source, '--sha256', `${'a'.repeat(63)}g`],
      ]) {
        expect((await install(...args)).code, args.join(' ')).to.equal(2);
      }
      await rm(join(source, BINARY));
      const { code, stderr } = await install('--from', source);
      expect([code, stderr]).to.satisfy(() => code === 1 && stderr.includes('cannot read'));
    });
  });

  describe('install.sh, with a public key', () => {
    let release: SignedRelease;
    let target: string;
    const install = (path: string, ...args: readonly string[]): Promise<Ended> =>
      tool('dash', [deployed('install.sh'), '--from', release.directory, '--to', target, ...args], {
        env: { PATH: path },
      });
    const PATH = '/usr/bin:/bin';

    beforeEach(async function () {
      needs(this, 'dash', 'sha256sum', 'minisign');
      release = await signedRelease(join(scratch.path, 'release'));
      target = join(scratch.path, 'bin');
    });

    it('installs what is signed with it', async () => {
      for (const sum of [[], ['--sha256', release.sum]]) {
        const { code, stderr } = await install(PATH, '--public-key', release.key, ...sum);
        expect(stderr).to.equal('');
        expect(code).to.equal(0);
        expect(await readdir(target)).to.deep.equal(['agent-enroll']);
      }
    });

    it('installs nothing where another key signed, where the sums were changed afterwards, or where they differ', async () => {
      const other = await install(PATH, '--public-key', release.otherKey);
      expect([other.code, await readdir(target)]).to.deep.equal([1, []]);
      expect(other.stderr).to.contain('is not signed with this key. Nothing was installed.');
      const differs = await install(PATH, '--public-key', release.key, '--sha256', 'ab'.repeat(32));
      expect([differs.code, await readdir(target)]).to.deep.equal([1, []]);
      expect(differs.stderr).to.contain('another sum than --sha256');
      await appendFile(join(release.directory, 'SHA256SUMS'), `${'1'.repeat(64)}  another\n`);
      const changed = await install(PATH, '--public-key', release.key);
      expect([changed.code, await readdir(target)]).to.deep.equal([1, []]);
      await rm(join(release.directory, 'SHA256SUMS.minisig'));
      expect((await install(PATH, '--public-key', release.key)).code).to.equal(1);
    });

    it('without minisign takes the sum of the caller, and no other', async () => {
      // All that the script needs, and no minisign.
      const tools = join(scratch.path, 'tools');
      await mkdir(tools);
      for (const name of [
        'dash',
        'uname',
        'mkdir',
        'mktemp',
        'rm',
        'cp',
        'sed',
        'tr',
        'cut',
        'sha256sum',
        'chmod',
        'mv',
        'cat',
      ]) {
        await symlink(await realpath(`/usr/bin/${name}`).catch(() => `/bin/${name}`), join(tools, name));
      }
      const alone = await install(tools, '--public-key', release.key);
      expect(alone.code).to.equal(1);
      expect(alone.stderr).to.contain('minisign is not installed');
      const summed = await install(tools, '--public-key', release.key, '--sha256', release.sum);
      expect(summed.stderr).to.contain('the signature was not checked, the sum is.');
      expect([summed.code, await readdir(target)]).to.deep.equal([0, ['agent-enroll']]);
    });
  });

  describe('the entrypoint of a container', () => {
    let manager: Manager;
    let volume: string;
    beforeEach(async () => {
      volume = join(scratch.path, 'volume');
      await writeProgram(join(scratch.path, 'agent-enroll'));
      await writeFile(join(scratch.path, 'password'), PASSWORD, { mode: 0o600 });
      manager = await startManager({ password: new Secret(PASSWORD) });
    });
    afterEach(() => manager.close());

    /** A new container: a home as the image has it, and the volume of the one before. */
    const container = async (env: Record<string, string> = {}) => {
      const home = await mkdtemp(join(scratch.path, 'container-'));
      await mkdir(join(home, 'etc'));
      const ended = await tool(
        deployed('container/entrypoint.sh'),
        ['sh', '-c', 'cat "$AGENT_HOME/etc/client.keys"; ls "$AGENT_HOME/queue/rids"'],
        {
          env: {
            PATH: `${scratch.path}:/usr/bin:/bin`,
            AGENT_NAME: 'web-slot-1',
            AGENT_STATE: volume,
            AGENT_HOME: home,
            ENROLLMENT_PASSWORD_FILE: join(scratch.path, 'password'),
            ...manager.environment,
            ...env,
          },
        },
      );
      return ended;
    };

    it('is the same agent when it is recreated with its volume, and asks for one key only', async () => {
      const first = await container();
      expect(first.code, first.stderr).to.equal(0);
      expect(first.stdout).to.match(/^001 web-slot-1 any [0-9a-f]{64}\n(.*\n)*sender_counter\n$/);
      const second = await container();
      expect(second.code, second.stderr).to.equal(0);
      expect(second.stdout).to.equal(first.stdout);
      expect(manager.asked()).to.deep.equal(['web-slot-1']);
      expect(manager.agents()).to.have.length(1);
    });

    it('starts the agent with the key that is there while the manager is away', async () => {
      const first = await container();
      await manager.close();
      const second = await container({ WAZUH_MANAGER: '127.0.0.1:1', WAZUH_REGISTRATION_PORT: '1' });
      expect(second.stdout).to.equal(first.stdout);
      expect(second.code, second.stderr).to.equal(0);
    });

    it('takes the token of a Wazuh 5 in place of manager and password, and keeps what belongs to the key', async () => {
      const sandbox = await startHttpsSandbox({ password: new Secret(PASSWORD) });
      try {
        const token = join(scratch.path, 'token');
        await writeFile(token, sandbox.mintToken().text.reveal(), { mode: 0o600 });
        const env = { WAZUH_MANAGER: '', WAZUH_REGISTRATION_PORT: '', ENROLLMENT_TOKEN_FILE: token };
        const first = await container(env);
        expect(first.code, first.stderr).to.equal(0);
        expect(first.stdout).to.match(/^\d+ web-slot-1 any [0-9a-f]{64}\n/);
        const kept = ['certs', 'client.keys', 'reenroll.secret'];
        expect(await readdir(volume)).to.include.members(kept);
        const second = await container(env);
        expect([second.code, second.stdout], second.stderr).to.deep.equal([0, first.stdout]);
        expect(sandbox.agents()).to.have.length(1);
      } finally {
        await sandbox.close();
      }
    });

    it('without a volume it is refused as a duplicate, and replaced where the manager allows it', async () => {
      await container();
      await rm(volume, { recursive: true });
      const refused = await container();
      expect(refused.code).to.equal(5);
      expect(refused.stderr).to.contain('NAME_DUPLICATE');
      expect(refused.stdout).to.equal('');

      await manager.close();
      const rules = { evenConnected: true, disconnectedForMs: 0, registeredForMs: 0, evenSameKey: false };
      manager = await startManager({ password: new Secret(PASSWORD), force: { kind: 'replace', ...rules } });
      for (const id of ['001', '002']) {
        await rm(volume, { recursive: true, force: true });
        const { code, stdout, stderr } = await container();
        expect(code, stderr).to.equal(0);
        expect(stdout).to.contain(`${id} web-slot-1`);
        expect(manager.agents()).to.have.length(1);
      }
    });

    it('does not start without a name', async () => {
      const { code, stderr } = await container({ AGENT_NAME: '' });
      expect(code).not.to.equal(0);
      expect(stderr).to.contain('AGENT_NAME');
    });
  });
});
