import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { cloudInstance, type Downloads, downloads, type Instance } from './instance.js';
import { type Manager, startManager } from './sandbox-host.js';
import { signedRelease } from './signature.js';
import { deployed, needs, scratchDirectory, tool } from './tool.js';

const USER_DATA = 'cloud-init/user-data.yaml';
const PASSWORD = 'correct horse';

describe('cloud-init, as it starts an instance', function () {
  this.timeout(120_000);
  let instance: Instance;
  let manager: Manager;
  let release: Downloads;

  /** The user data with its values filled in, as the page tells the user to do. */
  const filledIn = async (sum: string, publicKey = '') => {
    const filled: [string, string][] = [
      ['WAZUH_MANAGER=siem.example.org', `WAZUH_MANAGER=${manager.environment.WAZUH_MANAGER}`],
      ['#AGENT_ENROLL_PIN=sha256:...', `WAZUH_REGISTRATION_PORT=${manager.environment.WAZUH_REGISTRATION_PORT}`],
      ['https://downloads.example.org/agent-enroll/0.1.0', release.url],
      [`sha256_x64=${'0'.repeat(64)}`, `sha256_x64=${sum}`],
      [`sha256_arm64=${'0'.repeat(64)}`, `sha256_arm64=${sum}`],
      ["public_key=''", `public_key='${publicKey}'`],
      ["password_command=''", `password_command='cat /run/secret'`],
      ['--splay 2m', '--splay 1s'],
    ];
    let text = await readFile(deployed(USER_DATA), 'utf8');
    for (const [blank, value] of filled) {
      expect(text.split(blank), `${blank} in the user data`).to.have.length(2);
      text = text.replace(blank, () => value);
    }
    return text;
  };

  before(async function () {
    instance = await cloudInstance(this, PASSWORD);
    release = await downloads();
    manager = await startManager({ password: new Secret(PASSWORD) });
  });
  after(async () => {
    await instance?.close();
    await manager?.close();
    release?.close();
  });

  it('finds the user data valid', async () => {
    const { code, stdout, stderr } = await tool('cloud-init', ['schema', '--config-file', deployed(USER_DATA)]);
    expect(stdout + stderr).to.contain('Valid cloud-config');
    expect(code).to.equal(0);
  });

  it('does not install a binary that has another sum, and says so', async () => {
    await instance.seed('i-0bad', `${'0'.repeat(31)}b`, await filledIn('ab'.repeat(32)));
    expect(await instance.start()).to.contain('status: error');
    expect(await instance.log()).to.contain('has another SHA-256 sum. Not installed.');
    expect((await instance.root.run('ls', '-A', '/usr/local/bin')).stdout).not.to.contain('agent-enroll');
    expect(manager.asked()).to.deep.equal([]);
  });

  it('does not install a binary whose sums another key signed', async function () {
    needs(this, 'minisign');
    const scratch = await scratchDirectory();
    try {
      const signed = await signedRelease(join(scratch.path, 'release'));
      for (const name of ['SHA256SUMS', 'SHA256SUMS.minisig']) {
        release.papers.set(name, await readFile(join(signed.directory, name)));
      }
      const sum = createHash('sha256').update(release.binary).digest('hex');
      await instance.seed('i-0key', `${'0'.repeat(31)}c`, await filledIn(sum, signed.otherKey));
      expect(await instance.start()).to.contain('status: error');
      expect(await instance.log()).to.contain('is not signed with this key, or says another sum. Not installed.');
      expect((await instance.root.run('ls', '-A', '/usr/local/bin')).stdout).not.to.contain('agent-enroll');
    } finally {
      await scratch.remove();
    }
  });

  it('installs the binary, enrolls the instance and points its agent at the manager', async () => {
    const sum = createHash('sha256').update(release.binary).digest('hex');
    await instance.seed('i-0one', `${'1'.repeat(31)}a`, await filledIn(sum));
    const status = await instance.start();
    expect(await instance.log()).to.contain('the manager answered');
    expect(status).to.contain('status: done');
    expect(manager.asked()).to.deep.equal(['web-01-i-0one']);
    expect((await instance.keys())[1]).to.equal('web-01-i-0one');
    expect(await instance.root.sh('cat /var/ossec/etc/ossec.conf')).to.contain('<address>127.0.0.1</address>');
  });

  it('does nothing at the next start of the same instance', async () => {
    const [before, fetchedBefore] = [await instance.keys(), release.fetched()];
    expect(await instance.start()).to.contain('status: done');
    expect(await instance.keys()).to.deep.equal(before);
    expect(manager.asked()).to.have.length(1);
    expect(release.fetched()).to.equal(fetchedBefore);
  });

  it('enrolls a copy of the disk as an agent of its own, and holds its agent back until then', async () => {
    const original = await instance.keys();
    await instance.seed('i-0two', `${'2'.repeat(31)}b`);
    const dropIn = await instance.root.sh('cat /etc/systemd/system/wazuh-agent.service.d/50-agent-enroll.conf');
    const condition = /^ExecCondition=\/bin\/sh -c '(.*)'$/m.exec(dropIn)?.[1] ?? '';
    const environment = `set -a; . /etc/agent-enroll/environment;`;
    const mayStart = async () => (await instance.root.run('/bin/sh', '-c', `${environment} ${condition}`)).code;
    expect(await mayStart(), 'before it is enrolled').to.equal(1);
    expect(await instance.start()).to.contain('status: done');
    expect(await mayStart(), 'after it is enrolled').to.equal(0);
    expect(manager.asked()).to.deep.equal(['web-01-i-0one', 'web-01-i-0two']);
    expect((await instance.keys())[0]).not.to.equal(original[0]);
    expect(manager.agents().map(({ name }) => name)).to.deep.equal(['web-01-i-0one', 'web-01-i-0two']);
  });

  it('leaves no password on the disk or in a log', async () => {
    const found = await instance.root.run(
      'grep',
      '-rls',
      PASSWORD,
      '/etc/agent-enroll',
      '/usr/local',
      '/var/ossec',
      '/var/log',
    );
    expect(found.stdout).to.equal('');
  });

  it('removes key, notes and counters when the image is sealed, and nothing else', async () => {
    await instance.root.sh(
      'mkdir -p /etc/cloud/clean.d; cat > /etc/cloud/clean.d/50-agent-enroll; chmod 755 /etc/cloud/clean.d/50-agent-enroll',
      await readFile(deployed('cloud-init/clean.d/50-agent-enroll'), 'utf8'),
    );
    await instance.root.sh(
      `mkdir -p /etc/credstore /var/ossec/etc/certs; cd /var/ossec; touch queue/rids/007
      echo x | tee /etc/credstore/agent-enroll.password > /etc/credstore/agent-enroll.token
      touch etc/client.keys.retired etc/reenroll.secret etc/reenroll.secret.retired etc/enrollment_token etc/certs/root-ca.pem etc/certs/.anchor-committed`,
    );
    const { code, stderr } = await instance.root.run('cloud-init', 'clean', '--logs');
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect((await instance.root.sh('cd /var/ossec; find . -type f | sort')).trim()).to.equal('./etc/ossec.conf');
    expect(await instance.root.sh('ls -A /etc/credstore')).to.equal('');
  });

  it('leaves the keys of a manager alone when an image is sealed', async () => {
    await instance.root.sh('mkdir -p /var/ossec/bin; touch /var/ossec/bin/wazuh-authd /var/ossec/etc/client.keys');
    const { code, stderr } = await instance.root.run('cloud-init', 'clean');
    expect(stderr).to.contain('is the home of a manager');
    expect(code).to.equal(0);
    expect(await instance.root.sh('ls /var/ossec/etc')).to.contain('client.keys');
  });
});
