import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Downloads, downloads } from './instance.js';
import { type Manager, startManager } from './sandbox-host.js';
import { type ScratchRoot, scratchRoot } from './scratch-root.js';
import { type SignedRelease, signedRelease } from './signature.js';
import { deployed, type Ended, needs, PROJECT, scratchDirectory, skip, tool } from './tool.js';

const PASSWORD = 'correct horse';
/** The key of an agent that was tried on the machine before it became an image. */
const KEY = 'c1'.repeat(32);
const UNITS = '/etc/systemd/system';
/** Notes the outcome once the service has run, and powers the system off. */
const END = `[Unit]
After=agent-enroll.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'journalctl --no-pager --output=cat --unit=agent-enroll > /var/log/said'
ExecStart=/bin/systemctl exit 0
`;

/** A port of loopback that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('the image that Packer makes', function () {
  this.timeout(120_000);
  let root: ScratchRoot;
  let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
  let manager: Manager;
  let release: Downloads;
  let signed: SignedRelease;
  let port: number;

  const packer = (command: 'build' | 'validate', values: Readonly<Record<string, unknown>>): Promise<Ended> => {
    const given = {
      host: '127.0.0.1',
      port,
      private_key: join(scratch.path, 'key'),
      release: release.url,
      public_key: signed.key,
      ...values,
    };
    const variables = Object.entries(given).map(([name, value]) => {
      const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
      return `-var=${name}=${text}`;
    });
    return tool('packer', [command, ...variables, deployed('packer')], {
      env: { CHECKPOINT_DISABLE: '1', HOME: scratch.path, PACKER_NO_COLOR: '1' },
    });
  };
  const settings = () => ({ ...manager.environment, WAZUH_AGENT_NAME: 'of-image-{hostname}' });

  before(async function () {
    needs(this, 'packer', 'dropbear', 'dropbearkey', 'ssh-keygen', 'scp', 'sudo', 'minisign', 'systemd-nspawn');
    root = await scratchRoot(this);
    scratch = await scratchDirectory();
    manager = await startManager({ password: new Secret(PASSWORD) });
    release = await downloads();
    signed = await signedRelease(join(scratch.path, 'release'), release.binary);
    for (const name of ['SHA256SUMS', 'SHA256SUMS.minisig'])
      release.papers.set(name, await readFile(join(signed.directory, name)));
    // The machine: an SSH server, and an agent that was tried there.
    const key = join(scratch.path, 'key');
    await tool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await root.sh(
      `umask 077; rm -rf /root/.ssh; mkdir /root/.ssh; cat > /root/.ssh/authorized_keys
      useradd --create-home --shell /bin/sh builder; cp -r /root/.ssh /home/builder; chown -R builder: /home/builder
      echo 'builder ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/builder`,
      await readFile(`${key}.pub`),
    );
    await root.sh(`rm -rf /var/ossec /etc/agent-enroll /etc/cloud/clean.d ${UNITS}/*.wants /usr/local/bin/agent-enroll
      mkdir -p /var/ossec/etc /var/ossec/.agent-enroll /var/ossec/queue/rids /etc/credstore
      for file in etc/client.keys etc/client.keys.retired etc/reenroll.secret .agent-enroll/notes.json queue/rids/sender_counter; do
        echo '001 tried any ${KEY}' > /var/ossec/$file
      done
      echo '<ossec_config/>' > /var/ossec/etc/ossec.conf
      echo '${KEY}' > /etc/credstore/agent-enroll.password
      echo ${'ab'.repeat(16)} > /etc/machine-id`);
    port = await freePort();
    // A client that asks for a kind of host key which it does not have is one whose connection it drops.
    await root.sh(`for kind in rsa ecdsa; do dropbearkey -t $kind -f /run/host-key-$kind > /dev/null 2>&1; done
      dropbear -r /run/host-key-rsa -r /run/host-key-ecdsa -p 127.0.0.1:${port} -P /run/dropbear.pid -s > /dev/null 2>&1`);
  });
  after(async () => {
    // It belongs to the scratch root, which lives as long as anything in it.
    await root?.run('sh', '-c', 'kill "$(cat /run/dropbear.pid)"');
    await root?.close();
    await manager?.close();
    release?.close();
    await scratch?.remove();
  });

  it('has a template that Packer finds valid, written as Packer writes it', async () => {
    const { code, stdout, stderr } = await packer('validate', { settings: settings() });
    expect(code, stdout + stderr).to.equal(0);
    const page = await readFile(join(PROJECT, 'docs/deploy/packer.md'), 'utf8');
    const [, example = ''] = /```hcl\n([\s\S]*?)```/.exec(page) ?? [];
    const file = join(scratch.path, 'image.pkrvars.hcl');
    await writeFile(file, example.replace('/home/me/.ssh/id_ed25519', join(scratch.path, 'key')));
    const ofPage = await tool('packer', ['validate', `-var-file=${file}`, deployed('packer')], {
      env: { CHECKPOINT_DISABLE: '1', HOME: scratch.path },
    });
    expect(ofPage.code, ofPage.stdout + ofPage.stderr).to.equal(0);
    const format = await tool('packer', ['fmt', '-check', '-diff', deployed('packer')], {
      env: { HOME: scratch.path },
    });
    expect([format.code, format.stdout]).to.deep.equal([0, '']);
  });

  it('is not made with a password in its settings', async () => {
    for (const name of ['WAZUH_REGISTRATION_PASSWORD', 'WAZUH_PASSWORD', 'WAZUH_ENROLLMENT_TOKEN']) {
      const { code, stdout, stderr } = await packer('build', { settings: { ...settings(), [name]: 'x' } });
      expect(code, name).to.equal(1);
      expect(stdout + stderr).to.contain('a password or token does not belong into an image');
    }
  });

  it('is not made of a release that another key signed', async () => {
    const { code, stdout, stderr } = await packer('build', { settings: settings(), public_key: signed.otherKey });
    expect(code).to.equal(1);
    expect(stdout + stderr).to.contain('is not signed with this key. Nothing was installed.');
    expect((await root.run('ls', '/usr/local/bin/agent-enroll')).code).not.to.equal(0);
  });

  it('has the program, its service and the settings in it, and nothing of the machine that it was made of', async () => {
    // As in a cloud: by a user who has to say sudo.
    const { code, stdout, stderr } = await packer('build', { settings: settings(), user: 'builder' });
    expect(code, stdout + stderr).to.equal(0);
    expect(await root.sh('stat -c "%a %U %n" /usr/local/bin/agent-enroll /etc/agent-enroll/environment')).to.equal(
      '755 root /usr/local/bin/agent-enroll\n600 root /etc/agent-enroll/environment\n',
    );
    expect(await root.sh('cat /etc/agent-enroll/environment')).to.contain('WAZUH_AGENT_NAME=of-image-{hostname}\n');
    expect(await root.sh(`readlink ${UNITS}/multi-user.target.wants/agent-enroll.service`)).to.equal(
      `${UNITS}/agent-enroll.service\n`,
    );
    expect((await root.sh('cd /var/ossec; find . -type f')).trim()).to.equal('./etc/ossec.conf');
    const left = await root.run('grep', '-rls', KEY, '/etc', '/usr/local', '/var/ossec', '/var/log', '/root/.ssh');
    expect(left.stdout).to.equal('');
    expect(await root.sh('cat /etc/machine-id; ls -d /tmp/agent-enroll-image 2> /dev/null || true')).to.equal('');
    expect(manager.asked()).to.deep.equal([]);
  });

  it('enrolls as itself at its first boot, with the password that the machine is given', async function () {
    const tried = await root.boots();
    if (tried !== undefined) skip(this, `no system can be booted here: ${tried}`);
    // A host that is alone need not wait for its turn.
    const alone = '[Service]\nExecStart=\nExecStart=/usr/local/bin/agent-enroll --splay 1s\n';
    await root.sh(`mkdir ${UNITS}/agent-enroll.service.d; cat > ${UNITS}/agent-enroll.service.d/alone.conf`, alone);
    await root.sh(`cat > ${UNITS}/end.service`, END);
    await root.sh(`cat > ${UNITS}/ended.target`, '[Unit]\nWants=multi-user.target end.service\n');
    await root.sh('echo web-07 > /etc/hostname');
    const credential = `--set-credential=agent-enroll.password:${PASSWORD}`;
    const { stdout, stderr } = await root.boot('ended.target', credential);
    const said = await root.sh('cat /var/log/said').catch(() => `The system did not come up: ${stdout}${stderr}`);
    expect(said).to.contain('is enrolled, and the manager answered.');
    expect(manager.agents().map(({ name }) => name)).to.deep.equal(['of-image-web-07']);
    expect(await root.sh('cat /var/ossec/etc/client.keys')).to.match(/^001 of-image-web-07 /);
    const left = await root.run('grep', '-rls', PASSWORD, '/etc', '/usr/local', '/var/ossec');
    expect(left.stdout).to.equal('');
  });
});
