import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Manager, startManager } from './sandbox-host.js';
import { type ScratchRoot, scratchProgram, scratchRoot } from './scratch-root.js';
import { signedRelease } from './signature.js';
import { BINARY, CONF, deployed, needs, scratchDirectory, tool } from './tool.js';

const USER_DATA = 'cloud-init/user-data.yaml';
const PASSWORD = 'correct horse';
// The stages of an instance's start, with nothing in them that would touch disks, networks or accounts.
const STAGES = `
datasource_list: [NoCloud, None]
network: {config: disabled}
cloud_init_modules: [write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
system_info: {distro: debian, paths: {cloud_dir: /var/lib/cloud, run_dir: /run/cloud-init, templates_dir: /etc/cloud/templates}}
output: {all: '| tee -a /var/log/cloud-init-output.log'}
`;

describe('cloud-init, as it starts an instance', function () {
  this.timeout(120_000);
  let root: ScratchRoot;
  let manager: Manager;
  let downloads: Server;
  let served: Buffer;
  /** What lies beside the binary, by its path. */
  const papers = new Map<string, Buffer>();
  let fetched = 0;

  /** A start of the instance: every stage, as the units of cloud-init run them. Ends with what `status` says. */
  const start = async (): Promise<string> => {
    await root.restart();
    await root.sh('umask 077; cat > /run/secret', PASSWORD);
    await root.run('cloud-init', 'init', '--local');
    await root.run('cloud-init', 'init');
    await root.run('cloud-init', 'modules', '--mode=config');
    await root.run('cloud-init', 'modules', '--mode=final');
    return (await root.run('cloud-init', 'status', '--long')).stdout;
  };
  const seed = async (instance: string, machineId: string, userData?: string) => {
    const seeds = '/var/lib/cloud/seed/nocloud';
    await root.sh(`mkdir -p ${seeds}; printf %s ${machineId} > /etc/machine-id`);
    await root.sh(`cat > ${seeds}/meta-data`, `instance-id: ${instance}\nlocal-hostname: web-01\n`);
    if (userData !== undefined) await root.sh(`cat > ${seeds}/user-data`, userData);
  };
  const keys = async () => (await root.sh('cat /var/ossec/etc/client.keys')).trim().split(' ');
  const log = () => root.sh('cat /var/log/cloud-init-output.log');

  /** The user data with its values filled in, as the page tells the user to do. */
  const filledIn = async (sum: string, publicKey = '') => {
    const address = downloads.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const filled: [string, string][] = [
      ['WAZUH_MANAGER=siem.example.org', `WAZUH_MANAGER=${manager.environment.WAZUH_MANAGER}`],
      ['#AGENT_ENROLL_PIN=sha256:...', `WAZUH_REGISTRATION_PORT=${manager.environment.WAZUH_REGISTRATION_PORT}`],
      ['https://downloads.example.org/agent-enroll/0.1.0', `http://127.0.0.1:${port}/0.1.0`],
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
    needs(this, 'cloud-init', 'curl', 'sha256sum');
    root = await scratchRoot(this);
    served = await scratchProgram();
    manager = await startManager({ password: new Secret(PASSWORD) });
    downloads = createServer((request, response) => {
      fetched += 1;
      const found = request.url === `/0.1.0/${BINARY}` ? served : papers.get(request.url ?? '');
      response.statusCode = found === undefined ? 404 : 200;
      response.end(found);
    });
    await new Promise<void>((resolve) => downloads.listen(0, '127.0.0.1', resolve));
    await root.sh(
      `rm -rf /var/lib/cloud /var/log/cloud-init* /var/ossec /usr/local/bin/agent-enroll /etc/cloud/cloud.cfg.d/*
      mkdir -p /var/ossec/etc; cat > /etc/cloud/cloud.cfg`,
      STAGES,
    );
    await root.sh('cat > /var/ossec/etc/ossec.conf', CONF);
  });
  after(async () => {
    await root?.close();
    await manager?.close();
    downloads?.close();
  });

  it('finds the user data valid', async () => {
    const { code, stdout, stderr } = await tool('cloud-init', ['schema', '--config-file', deployed(USER_DATA)]);
    expect(stdout + stderr).to.contain('Valid cloud-config');
    expect(code).to.equal(0);
  });

  it('does not install a binary that has another sum, and says so', async () => {
    await seed('i-0bad', `${'0'.repeat(31)}b`, await filledIn('ab'.repeat(32)));
    expect(await start()).to.contain('status: error');
    expect(await log()).to.contain('has another SHA-256 sum. Not installed.');
    expect((await root.run('ls', '-A', '/usr/local/bin')).stdout).not.to.contain('agent-enroll');
    expect(manager.asked()).to.deep.equal([]);
  });

  it('does not install a binary whose sums another key signed', async function () {
    needs(this, 'minisign');
    const scratch = await scratchDirectory();
    try {
      const release = await signedRelease(join(scratch.path, 'release'));
      for (const name of ['SHA256SUMS', 'SHA256SUMS.minisig']) {
        papers.set(`/0.1.0/${name}`, await readFile(join(release.directory, name)));
      }
      const sum = createHash('sha256').update(served).digest('hex');
      await seed('i-0key', `${'0'.repeat(31)}c`, await filledIn(sum, release.otherKey));
      expect(await start()).to.contain('status: error');
      expect(await log()).to.contain('is not signed with this key, or says another sum. Not installed.');
      expect((await root.run('ls', '-A', '/usr/local/bin')).stdout).not.to.contain('agent-enroll');
    } finally {
      await scratch.remove();
    }
  });

  it('installs the binary, enrolls the instance and points its agent at the manager', async () => {
    const sum = createHash('sha256').update(served).digest('hex');
    await seed('i-0one', `${'1'.repeat(31)}a`, await filledIn(sum));
    const status = await start();
    expect(await log()).to.contain('the manager answered');
    expect(status).to.contain('status: done');
    expect(manager.asked()).to.deep.equal(['web-01-i-0one']);
    expect((await keys())[1]).to.equal('web-01-i-0one');
    expect(await root.sh('cat /var/ossec/etc/ossec.conf')).to.contain('<address>127.0.0.1</address>');
  });

  it('does nothing at the next start of the same instance', async () => {
    const [before, fetchedBefore] = [await keys(), fetched];
    expect(await start()).to.contain('status: done');
    expect(await keys()).to.deep.equal(before);
    expect(manager.asked()).to.have.length(1);
    expect(fetched).to.equal(fetchedBefore);
  });

  it('enrolls a copy of the disk as an agent of its own, and holds its agent back until then', async () => {
    const original = await keys();
    await seed('i-0two', `${'2'.repeat(31)}b`);
    const dropIn = await root.sh('cat /etc/systemd/system/wazuh-agent.service.d/50-agent-enroll.conf');
    const condition = /^ExecCondition=\/bin\/sh -c '(.*)'$/m.exec(dropIn)?.[1] ?? '';
    const environment = `set -a; . /etc/agent-enroll/environment;`;
    const mayStart = async () => (await root.run('/bin/sh', '-c', `${environment} ${condition}`)).code;
    expect(await mayStart(), 'before it is enrolled').to.equal(1);
    expect(await start()).to.contain('status: done');
    expect(await mayStart(), 'after it is enrolled').to.equal(0);
    expect(manager.asked()).to.deep.equal(['web-01-i-0one', 'web-01-i-0two']);
    expect((await keys())[0]).not.to.equal(original[0]);
    expect(manager.agents().map(({ name }) => name)).to.deep.equal(['web-01-i-0one', 'web-01-i-0two']);
  });

  it('leaves no password on the disk or in a log', async () => {
    const found = await root.run('grep', '-rls', PASSWORD, '/etc/agent-enroll', '/usr/local', '/var/ossec', '/var/log');
    expect(found.stdout).to.equal('');
  });

  it('removes key, notes and counters when the image is sealed, and nothing else', async () => {
    await root.sh(
      'mkdir -p /etc/cloud/clean.d; cat > /etc/cloud/clean.d/50-agent-enroll; chmod 755 /etc/cloud/clean.d/50-agent-enroll',
      await readFile(deployed('cloud-init/clean.d/50-agent-enroll'), 'utf8'),
    );
    await root.sh(
      'mkdir -p /etc/credstore; echo x > /etc/credstore/agent-enroll.password; touch /var/ossec/queue/rids/007',
    );
    const { code, stderr } = await root.run('cloud-init', 'clean', '--logs');
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect((await root.sh('cd /var/ossec; find . -type f | sort')).trim()).to.equal('./etc/ossec.conf');
    expect(await root.sh('ls -A /etc/credstore')).to.equal('');
  });

  it('leaves the keys of a manager alone when an image is sealed', async () => {
    await root.sh('mkdir -p /var/ossec/bin; touch /var/ossec/bin/wazuh-authd /var/ossec/etc/client.keys');
    const { code, stderr } = await root.run('cloud-init', 'clean');
    expect(stderr).to.contain('is the home of a manager');
    expect(code).to.equal(0);
    expect(await root.sh('ls /var/ossec/etc')).to.contain('client.keys');
  });
});
