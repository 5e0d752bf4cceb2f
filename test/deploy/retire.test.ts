import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Manager, startManager } from './sandbox-host.js';
import { type ScratchRoot, scratchProgram, scratchRoot } from './scratch-root.js';
import { deployed, needs, PROJECT, scratchDirectory, skip, tool, writeProgram } from './tool.js';

const UNIT = 'systemd/agent-enroll-retire.service';
const ENTRYPOINT = 'container/retiring-entrypoint.sh';
/** Of ten; systemd calls it "exposed" from 5 on. */
const EXPOSURE = 2.5;

describe('the systemd unit that retires', function () {
  this.timeout(60_000);

  it('is found valid by systemd-analyze, and hardened', async function () {
    needs(this, 'systemd-analyze');
    const verified = await tool('systemd-analyze', ['verify', '--man=no', deployed(UNIT)]);
    expect(verified.stdout + verified.stderr).to.equal('');
    expect(verified.code).to.equal(0);
    const threshold = `--threshold=${EXPOSURE * 10}`;
    const judged = await tool('systemd-analyze', ['security', '--offline=yes', threshold, deployed(UNIT)]);
    if (judged.stdout === '') skip(this, 'this systemd cannot judge a unit offline');
    expect(judged.code, judged.stdout).to.equal(0);
  });
});

describe('the systemd unit that retires, on a system that systemd boots', function () {
  this.timeout(120_000);
  let root: ScratchRoot;
  let manager: Manager;

  // An agent that notes whether its key is still there when it is stopped, and takes a while for that.
  const AGENT = `[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'sleep 1; ls /var/ossec/etc > /var/log/agent-stopped-with'
`;
  const boot = async (end: string) => {
    await root.sh('rm -f /var/log/agent-stopped-with; cat > /etc/systemd/system/end.service', endBy(end));
    const { stdout, stderr } = await root.boot('ended.target');
    const stopped = await root.sh('cat /var/log/agent-stopped-with 2> /dev/null || true');
    if (stopped === '') throw new Error(`The system did not come up: ${stdout}${stderr}`);
    return { stopped: stopped.trim(), etc: (await root.sh('ls /var/ossec/etc')).trim() };
  };
  const endBy = (command: string) => `[Unit]
After=agent-enroll-retire.service wazuh-agent.service
[Service]
Type=oneshot
ExecStart=/bin/systemctl ${command}
`;

  before(async function () {
    needs(this, 'systemd-nspawn');
    root = await scratchRoot(this);
    const tried = await root.boots();
    if (tried !== undefined) skip(this, `no system can be booted here: ${tried}`);
    manager = await startManager();
    const { id, name, ip, key } = manager.addAgent({ name: 'web-01' });
    const units = '/etc/systemd/system';
    await root.sh(`rm -rf /var/ossec; mkdir -p /var/ossec/etc /etc/agent-enroll ${units}; rm -rf ${units}/*.wants`);
    await root.sh('umask 077; cat > /var/ossec/etc/client.keys', `${id} ${name} ${ip} ${key.reveal()}\n`);
    await root.sh('cat > /usr/local/bin/agent-enroll', await scratchProgram());
    await root.sh('chmod 755 /usr/local/bin/agent-enroll');
    await root.sh(`cat > ${units}/agent-enroll-retire.service`, await readFile(deployed(UNIT), 'utf8'));
    await root.sh(`cat > ${units}/wazuh-agent.service`, AGENT);
    await root.sh(
      `cat > ${units}/ended.target`,
      '[Unit]\nWants=agent-enroll-retire.service wazuh-agent.service end.service\n',
    );
    await root.sh('umask 077; cat > /etc/agent-enroll/api-password', 'retire\n');
    const api = `AGENT_ENROLL_API_URL=${manager.api?.url}\nAGENT_ENROLL_PIN=${manager.api?.fingerprint}\n`;
    await root.sh('cat > /etc/agent-enroll/retire', `AGENT_ENROLL_API_USER=retire\n${api}`);
  });
  after(async () => {
    await root?.close();
    await manager?.close();
  });

  it('leaves the host alone where it is stopped by itself, and where the system does not end by being off', async () => {
    const { etc } = await boot('stop agent-enroll-retire.service --no-block\nExecStart=/bin/systemctl exit 0');
    expect(etc).to.equal('client.keys');
    expect(manager.agents()).to.have.length(1);
  });

  it('retires it on the way to being off, once the agent has stopped', async () => {
    const { stopped, etc } = await boot('poweroff');
    expect(stopped).to.equal('client.keys');
    expect(etc).to.equal('client.keys.retired');
    expect(manager.agents()).to.deep.equal([]);
  });
});

describe('the entrypoint of a container that retires', function () {
  this.timeout(30_000);
  let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
  let manager: Manager;
  beforeEach(async () => {
    scratch = await scratchDirectory();
    await writeProgram(join(scratch.path, 'agent-enroll'));
    await writeFile(join(scratch.path, 'api-password'), 'retire\n', { mode: 0o600 });
    await mkdir(join(scratch.path, 'home', 'etc'), { recursive: true });
    manager = await startManager();
  });
  afterEach(async () => {
    await manager.close();
    await scratch.remove();
  });

  const environment = () => ({
    PATH: `${scratch.path}:/usr/bin:/bin`,
    AGENT_NAME: 'job-1',
    AGENT_STATE: join(scratch.path, 'state'),
    AGENT_HOME: join(scratch.path, 'home'),
    RETIRE_API_URL: manager.api?.url ?? '',
    RETIRE_API_USER: 'retire',
    RETIRE_API_PASSWORD_FILE: join(scratch.path, 'api-password'),
    RETIRE_PIN: manager.api?.fingerprint ?? '',
    ...manager.environment,
  });
  /** A container whose agent is a script. */
  const container = (script: string, env: Record<string, string> = {}) =>
    tool(deployed(ENTRYPOINT), ['sh', '-c', script], { env: { ...environment(), ...env } });
  const state = () => readdir(join(scratch.path, 'state'));

  it('has nothing in it that shellcheck complains about', async function () {
    needs(this, 'shellcheck');
    expect((await tool('shellcheck', [deployed(ENTRYPOINT)])).stdout).to.equal('');
  });

  it('enrolls, runs the command, retires, and ends with the code of the command', async () => {
    const { code, stdout, stderr } = await container('cut -d " " -f 1,2 "$AGENT_HOME/etc/client.keys"; exit 3');
    expect(stdout).to.equal('001 job-1\n');
    expect(code, stderr).to.equal(3);
    expect(stderr).to.include('is retired');
    expect(manager.agents()).to.deep.equal([]);
    expect(await state())
      .to.include('client.keys.retired')
      .and.not.include('client.keys');
    // The next one is another agent, and nobody has its name.
    const next = await container('cut -d " " -f 2 "$AGENT_HOME/etc/client.keys"');
    expect([next.code, next.stdout]).to.deep.equal([0, 'job-1\n']);
    expect(manager.agents()).to.deep.equal([]);
  });

  it('hands on the signal that ends it, and retires once the command has ended', async () => {
    // The command ends the container as a runtime does, and takes its time.
    const script = `
      trap 'sleep 0.3; test -s "$AGENT_HOME/etc/client.keys" && echo ended with its key; exit 0' TERM
      kill -TERM $PPID
      while :; do sleep 0.05; done`;
    const { code, stdout, stderr } = await container(script);
    expect(stdout).to.equal('ended with its key\n');
    expect(code, stderr).to.equal(0);
    expect(manager.agents()).to.deep.equal([]);
  });

  it('tells what did not succeed, and ends as the command did', async () => {
    const { code, stderr } = await container('exit 4', { RETIRE_API_USER: 'nobody' });
    expect(code).to.equal(4);
    expect(stderr).to.include('API_CREDENTIALS_REFUSED').and.include('The agent was not retired (exit 5).');
    expect(manager.agents()).to.have.length(1);
    expect(await state()).to.include('client.keys');
  });

  it('ends with the code of an enrollment that was refused, which leaves nothing to retire', async () => {
    manager.addAgent({ name: 'job-1' });
    const { code, stdout, stderr } = await container('echo started');
    expect([code, stdout]).to.deep.equal([5, '']);
    expect(stderr).to.include('NAME_DUPLICATE').and.include('There was nothing to retire');
    expect(manager.agents()).to.have.length(1);
  });

  it('does not start without an API user', async () => {
    const { code, stderr } = await container('echo started', { RETIRE_API_USER: '' });
    expect(code).to.not.equal(0);
    expect(stderr).to.include('RETIRE_API_USER');
    expect(manager.agents()).to.deep.equal([]);
  });
});

describe('the hook of the page about retiring', function () {
  this.timeout(30_000);

  it('retires a pod as it stands there', async () => {
    const page = await readFile(join(PROJECT, 'docs', 'retire.md'), 'utf8');
    const [, list = ''] = /preStop:\s+exec:\s+command: \[([^\]]+)\]/.exec(page) ?? [];
    const [program, ...args] = list.split(',').map((word) => word.trim());
    expect(program).to.equal('agent-enroll');
    const [scratch, manager] = [await scratchDirectory(), await startManager()];
    try {
      const { id, name, ip, key } = manager.addAgent({ name: 'pod-1' });
      await mkdir(join(scratch.path, 'home', 'etc'), { recursive: true });
      const keys = join(scratch.path, 'home', 'etc', 'client.keys');
      await writeFile(keys, `${id} ${name} ${ip} ${key.reveal()}\n`, { mode: 0o640 });
      await writeFile(join(scratch.path, 'api-password'), 'retire\n', { mode: 0o600 });
      const given = args.map((word) => word.replace('/run/secrets/api_password', join(scratch.path, 'api-password')));
      const env = {
        AGENT_ENROLL_API_URL: manager.api?.url ?? '',
        AGENT_ENROLL_PIN: manager.api?.fingerprint ?? '',
      };
      const path = await writeProgram(join(scratch.path, 'agent-enroll'));
      const { code, stderr } = await tool(path, [...given, '--agent-home', join(scratch.path, 'home')], { env });
      expect(code, stderr).to.equal(0);
      expect(manager.agents()).to.deep.equal([]);
    } finally {
      await manager.close();
      await scratch.remove();
    }
  });
});
