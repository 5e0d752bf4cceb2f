import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type Manager, startManager } from './sandbox-host.js';
import { signedRelease } from './signature.js';
import { BINARY, deployed, needs, program, scratchDirectory, tool, writeProgram } from './tool.js';

const PASSWORD = 'correct horse';

interface Recap {
  readonly changed: number;
  readonly failed: number;
  readonly text: string;
}

describe('the Ansible role', function () {
  this.timeout(120_000);
  let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
  let manager: Manager;
  let home: string;

  /** Runs the role on this host, with everything that it writes in the scratch directory. */
  const play = async (variables: Record<string, unknown> = {}, ...flags: readonly string[]): Promise<Recap> => {
    const { WAZUH_MANAGER, WAZUH_REGISTRATION_PORT } = manager.environment;
    const playbook = [
      {
        hosts: 'localhost',
        connection: 'local',
        gather_facts: false,
        vars: {
          agent_enroll_manager: WAZUH_MANAGER,
          agent_enroll_path: join(scratch.path, 'agent-enroll'),
          agent_enroll_service: '',
          agent_enroll_options: [
            '--enrollment-port',
            WAZUH_REGISTRATION_PORT,
            '--agent-home',
            home,
            '--name',
            'web-01',
          ],
          ...variables,
        },
        roles: ['agent_enroll'],
      },
    ];
    const file = join(scratch.path, 'playbook.yml');
    await writeFile(file, JSON.stringify(playbook));
    const { stdout, stderr } = await tool('ansible-playbook', ['-i', 'localhost,', ...flags, file], {
      cwd: scratch.path,
      env: {
        HOME: scratch.path,
        ANSIBLE_ROLES_PATH: deployed('ansible/roles'),
        ANSIBLE_LOCAL_TEMP: join(scratch.path, 'ansible'),
        ANSIBLE_REMOTE_TMP: join(scratch.path, 'ansible'),
        ANSIBLE_NOCOLOR: '1',
        ANSIBLE_LOCALHOST_WARNING: 'False',
      },
    });
    const [, changed, failed] = /changed=(\d+)\s+unreachable=\d+\s+failed=(\d+)/.exec(stdout) ?? [];
    if (changed === undefined) throw new Error(stdout + stderr);
    return { changed: Number(changed), failed: Number(failed), text: stdout + stderr };
  };

  before(function () {
    needs(this, 'ansible-playbook');
  });
  beforeEach(async () => {
    scratch = await scratchDirectory();
    home = join(scratch.path, 'ossec');
    await mkdir(join(home, 'etc'), { recursive: true });
    manager = await startManager({ password: new Secret(PASSWORD) });
    await writeProgram(join(scratch.path, 'source'));
  });
  afterEach(async () => {
    await manager.close();
    await scratch.remove();
  });

  const keys = () => readFile(join(home, 'etc/client.keys'), 'utf8');

  it('changes a host that has no key, and leaves it alone the second time', async () => {
    const given = { agent_enroll_file: join(scratch.path, 'source'), agent_enroll_password: PASSWORD };
    const first = await play(given);
    expect(first.failed, first.text).to.equal(0);
    expect(first.changed, first.text).to.equal(2);
    const enrolled = await keys();
    expect(enrolled).to.match(/^001 web-01 /);

    const second = await play(given);
    expect(second).to.include({ failed: 0, changed: 0 });
    expect(await keys()).to.equal(enrolled);
    expect(manager.asked()).to.have.length(1);
  });

  it('takes the token of a Wazuh 5 in place of manager and password, and never shows it', async () => {
    const sandbox = await startHttpsSandbox({ password: new Secret(PASSWORD) });
    try {
      const token = sandbox.mintToken().text.reveal();
      const given = {
        agent_enroll_file: join(scratch.path, 'source'),
        agent_enroll_manager: '',
        agent_enroll_token: token,
        agent_enroll_options: ['--agent-home', home, '--name', 'web-01'],
      };
      const { failed, text } = await play(given, '-vvv', '--diff');
      expect(failed, text).to.equal(0);
      expect(sandbox.agents().map(({ name }) => name)).to.deep.equal(['web-01']);
      expect(text).to.contain('"method": "https"').and.not.to.contain(token);
    } finally {
      await sandbox.close();
    }
  });

  it('shows why it failed, and never the password or the key', async () => {
    const given = { agent_enroll_file: join(scratch.path, 'source') };
    const wrong = await play({ ...given, agent_enroll_password: 'wrong horse' }, '-vvv');
    expect(wrong.failed).to.equal(1);
    expect(wrong.text).to.contain('PASSWORD_REFUSED');
    // The playbook itself is no secret to whoever runs it; its values are not printed.
    expect(wrong.text).not.to.contain('wrong horse');

    const right = await play({ ...given, agent_enroll_password: PASSWORD }, '-vvv', '--diff');
    expect(right.failed, right.text).to.equal(0);
    expect(right.text).not.to.contain(PASSWORD);
    expect(right.text).not.to.contain((await keys()).trim().split(' ')[3]);
  });

  it('contacts nobody and changes nothing in check mode', async () => {
    const given = { agent_enroll_file: join(scratch.path, 'source'), agent_enroll_password: PASSWORD };
    const bare = await play(given, '--check');
    expect(bare.failed, bare.text).to.equal(0);
    expect(bare.changed, bare.text).to.equal(1);
    await writeProgram(join(scratch.path, 'agent-enroll'));
    const installed = await play(given, '--check');
    expect(installed.failed, installed.text).to.equal(0);
    expect(installed.text).to.contain('web-01');
    expect(installed.changed, installed.text).to.equal(1);
    expect(manager.asked()).to.deep.equal([]);

    await play({ agent_enroll_password: PASSWORD });
    expect(manager.asked()).to.have.length(1);
    expect(await play({ agent_enroll_password: PASSWORD }, '--check')).to.include({ failed: 0, changed: 0 });
  });

  it('takes the program from a URL, and only with the right sum', async () => {
    const url = { agent_enroll_url: `file://${join(scratch.path, 'source')}`, agent_enroll_password: PASSWORD };
    const wrong = await play({ ...url, agent_enroll_sha256: 'ab'.repeat(32) });
    expect(wrong.failed).to.equal(1);
    expect(wrong.text).to.contain('checksum');
    const sum = createHash('sha256')
      .update(await program())
      .digest('hex');
    const right = await play({ ...url, agent_enroll_sha256: sum });
    expect(right.failed, right.text).to.equal(0);
    expect(await keys()).to.match(/^001 web-01 /);
  });

  it('takes the program from a URL whose sums are signed, and none where another key signed them', async function () {
    needs(this, 'minisign');
    const release = await signedRelease(join(scratch.path, 'release'));
    const given = {
      agent_enroll_url: `file://${release.directory}/${BINARY}`,
      agent_enroll_sha256: release.sum,
      agent_enroll_password: PASSWORD,
    };
    const other = await play({ ...given, agent_enroll_public_key: release.otherKey });
    expect(other.failed, other.text).to.equal(1);
    expect(existsSync(join(scratch.path, 'agent-enroll'))).to.equal(false);
    const wrong = { agent_enroll_sha256: '0'.repeat(64), agent_enroll_public_key: release.key };
    const differs = await play({ ...given, ...wrong });
    expect(differs.text).to.contain('The signed SHA256SUMS says another sum');
    const right = await play({ ...given, agent_enroll_public_key: release.key });
    expect(right, right.text).to.include({ failed: 0, changed: 2 });
    expect(await keys()).to.match(/^001 web-01 /);
  });

  it('refuses a URL without a sum', async () => {
    const { failed, text } = await play({ agent_enroll_url: 'file:///nowhere' });
    expect(failed).to.equal(1);
    expect(text).to.contain('agent_enroll_sha256');
  });
});
