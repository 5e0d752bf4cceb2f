import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { cloudInstance, type Downloads, downloads, type Instance } from './instance.js';
import { startManager } from './sandbox-host.js';
import { CONF_OF_WAZUH_5, deployed, type Ended, needs, PROJECT, scratchDirectory, tool } from './tool.js';

/** It takes quoting, and has a word in it that is the same in every quoting. */
const WORD = 'horse-7f3a';
const PASSWORD = `it's a "<${WORD}>"`;
const SUM = 'ab'.repeat(32);
const RELEASE = { url: 'https://downloads.example.org/agent-enroll/0.1.0', sha256: { x64: SUM, arm64: SUM } };
const MANAGER = { ...RELEASE, manager: 'siem.example.org' };

/** A configuration that uses the module, in a directory of its own; the module takes no provider, so nothing is fetched. */
async function configuration() {
  const scratch = await scratchDirectory();
  const terraform = (...args: readonly string[]): Promise<Ended> =>
    tool('terraform', args, { cwd: scratch.path, env: { CHECKPOINT_DISABLE: '1', HOME: scratch.path } });
  for (const directory of ['terraform', 'cloud-init']) {
    const to = join(scratch.path, 'deploy', directory);
    await mkdir(to, { recursive: true });
    for (const entry of await readdir(deployed(directory), { withFileTypes: true })) {
      if (entry.isFile()) await copyFile(join(deployed(directory), entry.name), join(to, entry.name));
    }
  }
  const call = (values: object) =>
    JSON.stringify({
      module: { enrollment: { source: './deploy/terraform', ...values } },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of Terraform's.
      output: { user_data: { value: '${module.enrollment.user_data}', sensitive: true } },
    });
  return {
    ...scratch,
    terraform,
    /** Applies the module with these values; the user data, and what was shown meanwhile. */
    async apply(values: object): Promise<Ended & { readonly userData: string }> {
      await writeFile(join(scratch.path, 'main.tf.json'), call(values));
      const prepared = await terraform('init', '-backend=false', '-no-color');
      if (prepared.code !== 0) throw new Error(prepared.stderr);
      const ended = await terraform('apply', '-auto-approve', '-input=false', '-no-color');
      const userData = ended.code === 0 ? (await terraform('output', '-raw', 'user_data')).stdout : '';
      return { ...ended, userData };
    },
  };
}

describe('the Terraform module', function () {
  this.timeout(60_000);
  let scratch: Awaited<ReturnType<typeof configuration>>;
  beforeEach(async function () {
    needs(this, 'terraform');
    scratch = await configuration();
  });
  afterEach(() => scratch?.remove());

  it('is written as Terraform writes it, and valid', async () => {
    const { code, stdout } = await scratch.terraform('fmt', '-check', '-diff', deployed('terraform'));
    expect([code, stdout]).to.deep.equal([0, '']);
    await scratch.apply(MANAGER);
    const { code: valid, stderr } = await scratch.terraform('validate', '-no-color');
    expect([valid, stderr]).to.deep.equal([0, '']);
  });

  it('changes nothing in the user data of cloud-init but the blanks and the comments', async () => {
    const { userData } = await scratch.apply(MANAGER);
    const lines = (text: string) => text.split('\n').filter((line) => !/^ *# /.test(line));
    const byHand = lines(await readFile(deployed('cloud-init/user-data.yaml'), 'utf8'));
    const changed = lines(userData).filter((line) => !byHand.includes(line));
    expect(changed.map((line) => line.trim())).to.deep.equal([
      "WAZUH_AGENT_NAME='{hostname}-{instance-id}'",
      "WAZUH_MANAGER='siem.example.org'",
      `url='${RELEASE.url}'`,
      `sha256_x64=${SUM}`,
      `sha256_arm64=${SUM}`,
    ]);
    expect(byHand.filter((line) => !lines(userData).includes(line))).to.have.length(changed.length + 1);
    expect(userData)
      .to.match(/^#cloud-config\n/)
      .and.not.to.contain('FILL IN');
  });

  it('gives user data that cloud-init finds valid and clouds take, whatever is in a value', async function () {
    needs(this, 'cloud-init', 'shellcheck');
    const { userData } = await scratch.apply({
      ...MANAGER,
      groups: ['web', 'eu'],
      settings: { AGENT_ENROLL_PIN: `sha256:${SUM}`, WAZUH_REGISTRATION_CA: '/etc/a b: #"c"' },
      password_command: `printf '%s' "$(cat '/run/a b')"`,
    });
    const file = join(scratch.path, 'user-data.yaml');
    await writeFile(file, userData);
    const { code, stdout, stderr } = await tool('cloud-init', ['schema', '--config-file', file]);
    expect([code, stdout + stderr]).to.satisfy(() => code === 0 && stdout.includes('Valid cloud-config'), stderr);
    expect(Buffer.byteLength(userData)).to.be.below(16 * 1024);
    expect(userData).to.contain("WAZUH_AGENT_GROUP='web,eu'");
    const [, script = ''] = /( {6}#!\/bin\/sh\n(?: {6}.*\n|\n)+)/.exec(userData) ?? [];
    // SC1091: the environment file is not here. SC2016: a command is to be expanded when it is run.
    const check = await tool('shellcheck', ['--exclude=SC1091,SC2016', '-'], { input: script.replace(/^ {6}/gm, '') });
    expect(check.stdout).to.equal('');
  });

  it('is used as its page says', async () => {
    const page = await readFile(join(PROJECT, 'docs/deploy/terraform.md'), 'utf8');
    const [, example = ''] = /```hcl\n([\s\S]*?)```/.exec(page) ?? [];
    const written = join(scratch.path, 'page.tf');
    await writeFile(written, example.replace('./agent-enroll/', './'));
    expect((await scratch.terraform('fmt', '-check', written)).code, 'written as Terraform writes it').to.equal(0);
    for (const args of [['init'], ['apply', '-auto-approve', '-input=false']]) {
      const { code, stderr } = await scratch.terraform(...args, '-no-color');
      expect([code, stderr]).to.deep.equal([0, '']);
    }
    expect((await scratch.terraform('output', '-raw', 'user_data')).stdout).to.contain("WAZUH_AGENT_GROUP='web'");
  });

  it('shows no secret, in a plan or otherwise', async () => {
    const { stdout, stderr, userData } = await scratch.apply({ ...MANAGER, password: PASSWORD });
    expect(userData).to.contain(`    permissions: '0600'\n    content: "it's`);
    expect(stdout + stderr)
      .to.contain('user_data = <sensitive>')
      .and.not.to.contain(WORD);
  });

  for (const [why, values] of Object.entries({
    'Give a manager, or an enrollment token': RELEASE,
    'which names it; not both': { ...MANAGER, token_command: 'cat /run/token' },
    'Give one of password, password_command': { ...MANAGER, password: PASSWORD, password_command: 'cat /run/p' },
    'A sum is 64 hexadecimal digits': { ...MANAGER, sha256: { x64: SUM, arm64: 'ab' } },
    'A setting is named as an environment variable': { ...MANAGER, settings: { 'WAZUH_MANAGER=x\nA': '' } },
    'A value is one line': { ...MANAGER, manager: 'siem.example.org\nWAZUH_AGENT_GROUP=admins' },
    'A value in the user data has no apostrophe': { ...MANAGER, name: "web'; reboot; '" },
  })) {
    it(`refuses what would give other user data than was meant: ${why}`, async () => {
      const { code, stderr } = await scratch.apply(values);
      expect(code).to.equal(1);
      expect(stderr.replace(/\s+/g, ' ')).to.contain(why).and.not.to.contain(WORD);
    });
  }
});

describe('an instance with the user data of the Terraform module', function () {
  this.timeout(120_000);
  let scratch: Awaited<ReturnType<typeof configuration>>;
  let instance: Instance;
  let release: Downloads;
  const settings = (port: number) => ({ WAZUH_REGISTRATION_PORT: String(port) });
  /** The user data of this release, for an instance that is alone and need not wait for its turn. */
  const userData = async (values: object) => {
    const sum = createHash('sha256').update(release.binary).digest('hex');
    const ended = await scratch.apply({ url: release.url, sha256: { x64: sum, arm64: sum }, ...values });
    expect(ended.code, ended.stderr).to.equal(0);
    return ended.userData.replace('--splay 2m', '--splay 1s');
  };
  /** The password in files and logs: cloud-init keeps the user data itself where root alone reads it. */
  const leaked = async () =>
    (await instance.root.run('grep', '-rls', WORD, '/etc', '/usr/local', '/var/ossec', '/var/log')).stdout;

  before(async function () {
    needs(this, 'terraform');
    instance = await cloudInstance(this, PASSWORD);
    scratch = await configuration();
    release = await downloads();
  });
  after(async () => {
    await instance?.close();
    await scratch?.remove();
    release?.close();
  });

  for (const [how, secret] of Object.entries({
    'a command that prints the password': { password_command: `cat '/run/secret'` },
    'the password itself': { password: PASSWORD },
  })) {
    it(`is enrolled at its first start, with ${how}`, async () => {
      const manager = await startManager({ password: new Secret(PASSWORD), groups: ['web'] });
      try {
        await instance.root.sh('rm -rf /var/ossec/etc/client.keys /var/ossec/.agent-enroll');
        const { WAZUH_MANAGER, WAZUH_REGISTRATION_PORT } = manager.environment;
        const id = `i-0${Object.keys(secret)[0]?.length}`;
        const values = { manager: WAZUH_MANAGER, settings: settings(Number(WAZUH_REGISTRATION_PORT)), groups: ['web'] };
        await instance.seed(id, `${'0'.repeat(31)}a`, await userData({ ...values, ...secret }));
        const status = await instance.start();
        expect(await instance.log()).to.contain('the manager answered');
        expect(status).to.contain('status: done');
        expect(manager.asked()).to.deep.equal([`web-01-${id}`]);
        expect((await instance.keys())[1]).to.equal(`web-01-${id}`);
        expect(await leaked()).to.equal('');
      } finally {
        await manager.close();
      }
    });
  }

  it('is enrolled at its first start with a token of a Wazuh 5', async () => {
    const manager = await startHttpsSandbox({ password: new Secret(PASSWORD) });
    try {
      await instance.root.sh('rm -rf /var/ossec/etc/client.keys /var/ossec/.agent-enroll');
      await instance.root.sh('cat > /var/ossec/etc/ossec.conf', CONF_OF_WAZUH_5);
      const token = manager.mintToken().text.reveal();
      await instance.seed('i-0token', `${'0'.repeat(31)}b`, await userData({ token }));
      const status = await instance.start();
      expect(status, await instance.log()).to.contain('status: done');
      expect(manager.agents().map(({ name }) => name)).to.deep.equal(['web-01-i-0token']);
      const found = await instance.root.run('grep', '-rlsF', token, '/etc', '/usr/local', '/var/ossec', '/var/log');
      expect(found.stdout).to.equal('');
    } finally {
      await manager.close();
    }
  });
});
