import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Manager, startManager } from './sandbox-host.js';
import { type ScratchRoot, scratchProgram, scratchRoot } from './scratch-root.js';
import { CONF, deployed, needs, scratchDirectory, skip, tool } from './tool.js';

const UNIT = 'systemd/agent-enroll.service';
const PASSWORD = 'correct horse';
/** Of ten; systemd calls it "exposed" from 5 on. */
const EXPOSURE = 2.5;

describe('the systemd unit', function () {
  this.timeout(60_000);

  it('is found valid by systemd-analyze', async function () {
    needs(this, 'systemd-analyze');
    const scratch = await scratchDirectory();
    try {
      // verify wants the program to be there.
      const text = await readFile(deployed(UNIT), 'utf8');
      const unit = join(scratch.path, 'agent-enroll.service');
      await writeFile(unit, text.replace('/usr/local/bin/agent-enroll', process.execPath));
      const { code, stdout, stderr } = await tool('systemd-analyze', ['verify', '--man=no', unit]);
      expect(stdout + stderr).to.equal('');
      expect(code).to.equal(0);
    } finally {
      await scratch.remove();
    }
  });

  it(`is hardened: exposed at most ${EXPOSURE} of 10`, async function () {
    needs(this, 'systemd-analyze');
    const threshold = `--threshold=${EXPOSURE * 10}`;
    const { code, stdout } = await tool('systemd-analyze', ['security', '--offline=yes', threshold, deployed(UNIT)]);
    if (stdout === '') skip(this, 'this systemd cannot judge a unit offline');
    expect(stdout).to.contain('Overall exposure level');
    expect(code, stdout).to.equal(0);
  });
});

describe('the systemd unit, on a system that systemd boots', function () {
  this.timeout(120_000);
  let root: ScratchRoot;
  let manager: Manager;

  // An agent that notes with what it was started, and a unit that notes the outcome and powers the system off.
  const AGENT = `[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cut -d " " -f 1-2 /var/ossec/etc/client.keys > /var/log/agent-started-with'
`;
  const END = `[Unit]
After=agent-enroll.service wazuh-agent.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sleep 4; systemctl show agent-enroll --property=Result,ExecMainStatus,NRestarts,ActiveState > /var/log/outcome'
ExecStart=/bin/sh -c 'journalctl --no-pager --output=cat --unit=agent-enroll > /var/log/said'
ExecStart=/bin/systemctl exit 0
`;
  const boot = async () => {
    await root.sh('rm -f /var/log/agent-started-with /var/log/outcome /var/log/said; rm -rf /var/log/journal');
    const { stdout, stderr } = await root.boot('ended.target');
    const read = (file: string) => root.sh(`cat /var/log/${file} 2> /dev/null || true`);
    const outcome = await read('outcome');
    if (outcome === '') throw new Error(`The system did not come up: ${stdout}${stderr}`);
    return { outcome, said: await read('said'), agent: (await read('agent-started-with')).trim() };
  };

  before(async function () {
    needs(this, 'systemd-nspawn');
    root = await scratchRoot(this);
    const tried = await root.boots();
    if (tried !== undefined) skip(this, `no system can be booted here: ${tried}`);
    manager = await startManager({ password: new Secret(PASSWORD) });
    const units = '/etc/systemd/system';
    await root.sh(`rm -rf /var/ossec; mkdir -p /var/ossec/etc ${units}; rm -rf ${units}/*.wants`);
    await root.sh('cat > /usr/local/bin/agent-enroll', await scratchProgram());
    await root.sh('chmod 755 /usr/local/bin/agent-enroll');
    await root.sh(`cat > ${units}/agent-enroll.service`, await readFile(deployed(UNIT), 'utf8'));
    await root.sh(
      `mkdir ${units}/agent-enroll.service.d; cat > ${units}/agent-enroll.service.d/fast.conf`,
      '[Service]\nRestartSec=1s\nExecStart=\nExecStart=/usr/local/bin/agent-enroll --splay 1s\n',
    );
    await root.sh(`cat > ${units}/wazuh-agent.service`, AGENT);
    await root.sh(`cat > ${units}/end.service`, END);
    await root.sh(
      `cat > ${units}/ended.target`,
      '[Unit]\nWants=agent-enroll.service wazuh-agent.service end.service\n',
    );
    await root.sh('mkdir -p /etc/agent-enroll; cat > /etc/agent-enroll/environment', environment());
  });
  after(async () => {
    await root?.close();
    await manager?.close();
  });
  const environment = (changes: Record<string, string> = {}) =>
    Object.entries({ ...manager.environment, WAZUH_AGENT_NAME: 'web-01', ...changes })
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');

  it('does not try again what was refused, and lets the agent start all the same', async () => {
    const { outcome, said } = await boot();
    expect(said).to.contain('password');
    expect(outcome).to.contain('ExecMainStatus=5').and.to.contain('NRestarts=0').and.to.contain('Result=exit-code');
    expect(manager.agents()).to.deep.equal([]);
  });

  it('tries again while the manager cannot be reached', async () => {
    const nobody = { WAZUH_REGISTRATION_PORT: '1' };
    await root.sh('cat > /etc/agent-enroll/environment', environment(nobody));
    await root.sh(
      'cat > /etc/systemd/system/agent-enroll.service.d/once.conf',
      '[Service]\nExecStart=\nExecStart=/usr/local/bin/agent-enroll --retries 0\n',
    );
    const { outcome } = await boot();
    await root.sh('rm /etc/systemd/system/agent-enroll.service.d/once.conf');
    await root.sh('cat > /etc/agent-enroll/environment', environment());
    expect(outcome).to.match(/NRestarts=[1-9]/);
  });

  it('enrolls with the password from the credential store before the agent starts', async () => {
    await root.sh('mkdir -p /etc/credstore; umask 077; cat > /etc/credstore/agent-enroll.password', PASSWORD);
    const { outcome, said, agent } = await boot();
    expect(said).to.contain('the manager answered');
    expect(outcome).to.contain('Result=success').and.to.contain('ActiveState=active');
    expect(agent).to.equal('001 web-01');
    expect(said).not.to.contain(PASSWORD);
  });

  it('finds the key good at the next start, and asks for none', async () => {
    const asked = manager.asked().length;
    const { outcome, agent } = await boot();
    expect(outcome).to.contain('Result=success');
    expect(agent).to.equal('001 web-01');
    expect(manager.asked()).to.have.length(asked);
  });

  it('holds back the agent of a copied disk, with the drop-in of the user data', async () => {
    const userData = await readFile(deployed('cloud-init/user-data.yaml'), 'utf8');
    const [, dropIn = ''] = /50-agent-enroll\.conf\n.*\n {4}content: \|\n((?: {6}.*\n|\n)+)/.exec(userData) ?? [];
    expect(dropIn).to.contain('ExecCondition=');
    const directory = '/etc/systemd/system/wazuh-agent.service.d';
    await root.sh(`mkdir ${directory}; cat > ${directory}/50-agent-enroll.conf`, dropIn.replace(/^ {6}/gm, ''));
    await root.sh('cat > /var/ossec/etc/ossec.conf', CONF.replace('MANAGER_IP', '127.0.0.1'));
    await root.sh('sed -i "s/ agent-enroll.service//" /etc/systemd/system/ended.target');
    expect((await boot()).agent, 'on the machine that enrolled').to.equal('001 web-01');
    await root.sh(`printf '%s\\n' ${'c0'.repeat(16)} > /etc/machine-id`);
    expect((await boot()).agent, 'on another machine').to.equal('');
  });
});
