import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { LOAD } from '../load.js';
import { against, noteRequest, openRequest, run, scratchHome, snapshot, start } from './program.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Runs a program in the checkout to its end, with the least of an environment. */
async function spawnAsync(command: string, args: readonly string[]) {
  const child = spawn(command, args, { cwd: ROOT, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, timeout: 15_000 });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...said };
}

const PASSWORD = 'correct horse';
const RELOAD_MS = 300;

describe('agent-enroll, as it is run', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox | undefined;
  let events: SandboxEvent[] = [];
  let heard: (event: SandboxEvent) => void = () => {};
  let scratch: Awaited<ReturnType<typeof scratchHome>>;

  const manager = async (options: Partial<SandboxOptions> = {}) => {
    events = [];
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: RELOAD_MS,
      onEvent: (event) => {
        events.push(event);
        heard(event);
      },
      ...options,
    });
    return sandbox;
  };
  const next = (type: SandboxEvent['type']) =>
    new Promise<void>((resolve) => {
      heard = (event) => {
        if (event.type === type) resolve();
      };
    });
  const requests = () => events.filter(({ type }) => type === 'request');
  const passwordFile = async () => {
    const path = join(scratch.home, 'password');
    await writeFile(path, `${PASSWORD}\r\n`, { mode: 0o600 });
    return path;
  };

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
    await scratch.remove();
  });
  after(() => {
    events = [];
  });

  for (const [family, link] of [
    ['wazuh-4', { protocol: 'tcp', cipher: 'aes' }],
    ['wazuh-3', { protocol: 'tcp', cipher: 'aes' }],
    ['ossec', { protocol: 'udp', cipher: 'blowfish' }],
  ] as const) {
    it(`enrolls with a ${family} manager given nothing but where it is, and proves the link`, async () => {
      const target = await manager({ family });
      const { code, stdout, stderr } = await run([...against(target, scratch.home), '--name', 'web-01', '--json']);
      expect(stderr).to.equal('');
      expect(code).to.equal(0);
      const report = JSON.parse(stdout);
      expect(report).to.deep.include({ ok: true, changed: true, command: 'enroll', method: 'authd', warnings: [] });
      expect(report.agent).to.include({ name: 'web-01', ip: 'any' });
      expect(report.manager).to.include({ host: '127.0.0.1', family });
      expect(report.trust).to.deep.equal({ by: 'first use', fingerprint: target.fingerprint, subject: 'CN=Wazuh' });
      expect(report.link).to.include(link);
      const [id, name, ip, key] = (await readFile(scratch.keys, 'utf8')).trimEnd().split(' ');
      expect([id, name, ip]).to.deep.equal([report.agent.id, 'web-01', 'any']);
      expect(key).to.match(/^[0-9a-f]{64}$/);
      expect((await stat(scratch.keys)).mode & 0o777).to.equal(0o640);
      expect(await readFile(join(scratch.home, 'queue', 'rids', 'sender_counter'), 'utf8')).to.match(/^0:\d+:$/);
      // An agent that was left pending could never be replaced by 4.x. 3.x replaces it, and knows no shutdown; OSSEC has
      // no such states before a keepalive.
      const states = { 'wazuh-4': 'disconnected', 'wazuh-3': 'pending', ossec: 'never_connected' } as const;
      expect(target.agents()[0]?.state).to.equal(states[family]);
    });
  }

  it('changes nothing when it is run again, and asks authd nothing', async () => {
    const args = [...against(await manager(), scratch.home), '--name', 'web-01', '--json'];
    await run(args);
    const before = await readFile(scratch.keys, 'utf8');
    const { code, stdout } = await run(args);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: false });
    expect(await readFile(scratch.keys, 'utf8')).to.equal(before);
    expect(requests()).to.have.length(1);
  });

  it('enrolls again when the manager no longer knows the key, and sends K with it', async () => {
    const target = await manager({
      force: { kind: 'replace', evenConnected: true, disconnectedForMs: 0, registeredForMs: 0, evenSameKey: false },
    });
    const args = [...against(target, scratch.home), '--name', 'web-01', '--json', '--wait', '2s'];
    await run(args);
    const reloaded = next('keys loaded');
    expect(target.removeAgent('001')).to.equal(true);
    await reloaded;
    const { code, stdout } = await run(args);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: true });
    expect(JSON.parse(stdout).agent.id).to.equal('002');
    expect(requests().map((event) => event.type === 'request' && event.hadKeyHash)).to.deep.equal([false, true]);
  });

  it('enrolls again with an OSSEC manager that fell silent to a key that it knew, where that is to be enough', async () => {
    const target = await manager({ family: 'ossec' });
    const args = [...against(target, scratch.home), '--name', 'web-01', '--json', '--wait', '1500ms'];
    expect((await run(args)).code).to.equal(0);
    target.removeAgent('1024');
    // It reads its keys when it starts.
    await target.restartRemoted();
    const before = await readFile(scratch.keys, 'utf8');
    for (const kept of [[], ['--reenroll', 'certain'], ['--reenroll', 'never']]) {
      const silent = await run([...args, ...kept]);
      expect(silent.code, silent.stdout).to.equal(7);
      expect(JSON.parse(silent.stdout).error.code).to.equal('LINK_UNANSWERED');
    }
    expect(await readFile(scratch.keys, 'utf8')).to.equal(before);
    expect(target.agents()).to.deep.equal([]);
    const { code, stdout } = await run(args, { env: { AGENT_ENROLL_REENROLL: 'likely' } });
    expect(code, stdout).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: true });
    expect(JSON.parse(stdout).agent).to.include({ id: '1025', name: 'web-01' });
  });

  it('keeps the key of an OSSEC host whose messages a firewall drops, and names the surplus agent', async () => {
    const target = await manager({ family: 'ossec' });
    const args = [...against(target, scratch.home), '--name', 'web-01', '--json', '--wait', '1500ms'];
    expect((await run(args)).code).to.equal(0);
    const before = await readFile(scratch.keys, 'utf8');
    // The manager is as it was; no message reaches it.
    await target.stopRemoted();
    const { port } = target.endpoints.agent;
    const silent = createSocket('udp4');
    try {
      silent.bind(port, '127.0.0.1');
      await once(silent, 'listening');
      const { code, stdout } = await run([...args, '--reenroll', 'likely']);
      expect(code, stdout).to.equal(7);
      const { error } = JSON.parse(stdout);
      expect(error.message).to.include('still has the agent 1024 web-01').and.to.include('web-012');
      expect(error.hint).to.include('manage_agents -r 1025');
      expect(await readFile(scratch.keys, 'utf8')).to.equal(before);
      expect(await openRequest(scratch.home)).to.equal(undefined);
    } finally {
      silent.close();
    }
  });

  it('does not enroll again because of silence alone, which may be a firewall', async () => {
    const target = await manager({ family: 'ossec' });
    const { authd } = target.endpoints;
    const silent = createSocket('udp4');
    try {
      silent.bind(0, '127.0.0.1');
      await once(silent, 'listening');
      const args = ['--manager', `127.0.0.1:${silent.address().port}`, '--enrollment-port', String(authd.port)];
      const rest = ['--agent-home', scratch.home, '--name', 'web-01', '--json', '--wait', '700ms'];
      for (const _ of [1, 2, 3]) {
        const { code, stdout } = await run([...args, ...rest]);
        expect(code).to.equal(7);
        expect(JSON.parse(stdout).error.code).to.equal('LINK_UNANSWERED');
      }
      expect(target.agents()).to.have.length(1);
    } finally {
      silent.close();
    }
  });

  it('keeps a key that works although the host has a name that no manager takes', async function () {
    if (spawnSync('unshare', ['--uts', 'true']).status !== 0) this.skip();
    const target = await manager();
    expect((await run([...against(target, scratch.home), '--name', 'web-01'])).code).to.equal(0);
    const asLocalhost = (...args: string[]) => {
      const program = [process.execPath, 'bin/agent-enroll.js', ...args].map((part) => `'${part}'`).join(' ');
      return spawnAsync('unshare', ['--uts', 'sh', '-c', `hostname localhost && exec ${program}`]);
    };
    const kept = await asLocalhost(...against(target, scratch.home), '--json');
    expect(kept.code, kept.stdout).to.equal(0);
    expect(JSON.parse(kept.stdout)).to.deep.include({ ok: true, changed: false });
    const detected = await asLocalhost('detect', '--agent-home', scratch.home);
    expect(detected.code).to.equal(0);
    expect(detected.stdout).to.include('agent 001 web-01');
    expect(detected.stderr).to.include('localhost').and.to.include('--name');
    const refused = await asLocalhost(...against(target, join(scratch.home, 'other')), '--json');
    expect(refused.code).to.equal(2);
    expect(JSON.parse(refused.stdout).error.code).to.equal('NAME_UNUSABLE');
  });

  it('takes the password from a file with a Windows line ending, and the groups', async () => {
    const target = await manager({ password: new Secret(PASSWORD), groups: ['web', 'db'] });
    const { code, stdout } = await run([
      ...against(target, scratch.home),
      ...['--name', 'web-01', '--password-file', await passwordFile(), '--groups', 'web,db', '--json'],
    ]);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout).agent.groups).to.deep.equal(['web', 'db']);
    expect(target.agents()[0]?.groups).to.deep.equal(['web', 'db']);
  });

  it('enrolls from the variables of an installer alone', async () => {
    const target = await manager({ password: new Secret(PASSWORD), groups: ['web'] });
    const env = {
      WAZUH_MANAGER: '127.0.0.1',
      WAZUH_MANAGER_PORT: String(target.endpoints.agent.port),
      WAZUH_REGISTRATION_PORT: String(target.endpoints.authd.port),
      WAZUH_REGISTRATION_PASSWORD: PASSWORD,
      WAZUH_AGENT_GROUP: 'web',
      WAZUH_AGENT_NAME: 'installed-01',
    };
    const first = await run(['--agent-home', scratch.home], { env });
    expect(first.code, first.stderr).to.equal(0);
    const second = await run(['--agent-home', scratch.home, '--json'], { env });
    expect(second.code).to.equal(0);
    expect(JSON.parse(second.stdout)).to.deep.include({ changed: false });
    expect(`${first.stdout}${first.stderr}${second.stdout}${second.stderr}`).to.not.include(PASSWORD);
  });

  for (const family of ['wazuh-4', 'ossec'] as const) {
    it(`says that the password is wrong (${family}), exit 5, and changes nothing`, async () => {
      const target = await manager({ family, password: new Secret(PASSWORD) });
      const before = await snapshot(scratch.home);
      const { code, stdout } = await run([
        ...against(target, scratch.home),
        '--name',
        'web-01',
        '--password',
        'wrong',
        '--json',
      ]);
      expect(code).to.equal(5);
      const { error, ok } = JSON.parse(stdout);
      expect(ok).to.equal(false);
      expect(error.code).to.equal(family === 'ossec' ? 'CLOSED_SILENTLY' : 'PASSWORD_REFUSED');
      expect(`${error.message} ${error.hint}`).to.include('password');
      expect(await snapshot(scratch.home)).to.deep.equal(before);
    });
  }

  it("shows the manager's own words and what to do for a group that does not exist", async () => {
    const { code, stdout, stderr } = await run([
      ...against(await manager(), scratch.home),
      '--name',
      'web-01',
      '--groups',
      'nosuch',
    ]);
    expect(code).to.equal(5);
    expect(stdout).to.equal('');
    expect(stderr).to.include('Invalid group: nosuch').and.to.include('GROUP_UNKNOWN');
  });

  it('shows with --dry-run what this very run would use, and refuses what is wrong with it; nobody is asked', async () => {
    const target = await manager();
    const args = [...against(target, scratch.home), '--name', 'web-01', '--dry-run'];
    const before = await snapshot(scratch.home);
    const { code, stdout } = await run([...args, '--force', '--splay', '5m', '--write-config', '--json'], {
      env: { WAZUH_AGENT_GROUP: 'web' },
    });
    expect(code).to.equal(0);
    const { command, changed, detected } = JSON.parse(stdout);
    expect({ command, changed }).to.deep.equal({ command: 'enroll', changed: false });
    for (const line of [
      { name: '--force', value: 'yes', origin: '--force' },
      { name: '--splay', value: '5m', origin: '--splay' },
      { name: '--write-config', value: 'yes', origin: '--write-config' },
      { name: '--groups', value: 'web', origin: 'WAZUH_AGENT_GROUP' },
      { name: '--retries', value: '3', origin: 'default' },
    ]) {
      expect(detected).to.deep.include(line);
    }
    const wrong = await run([...args, '--deadline', 'never']);
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.include('--deadline: "never" is not a length of time');
    expect(await snapshot(scratch.home)).to.deep.equal(before);
    expect(events.filter(({ type }) => type !== 'listening')).to.deep.equal([]);
  });

  it('asks whether it can write before it asks the manager', async () => {
    await writeFile(join(scratch.home, 'file'), '');
    const target = await manager();
    const { code, stdout } = await run([
      ...against(target, scratch.home),
      ...['--name', 'web-01', '--keys', join(scratch.home, 'file', 'client.keys'), '--json'],
    ]);
    expect(code).to.equal(6);
    expect(JSON.parse(stdout).error.code).to.equal('FILE_UNWRITABLE');
    expect(events.filter(({ type }) => type === 'connection')).to.have.length(0);
  });

  it('exits 3 when the manager is not there, after its retries', async () => {
    const target = await manager();
    const args = [...against(target, scratch.home), '--name', 'web-01', '--retries', '1', '--json'];
    await target.close();
    const { code, stdout } = await run(args);
    expect(code).to.equal(3);
    expect(JSON.parse(stdout).error.code).to.equal('CONNECTION_REFUSED');
  });

  it('exits 7 with the key installed when the manager does not acknowledge it', async () => {
    const target = await manager({ keyReloadMs: 60_000 });
    const { code, stdout } = await run([
      ...against(target, scratch.home),
      '--name',
      'web-01',
      '--wait',
      '700ms',
      '--json',
    ]);
    expect(code).to.equal(7);
    const report = JSON.parse(stdout);
    expect(report).to.deep.include({ ok: false, changed: true });
    expect(report.error.code).to.equal('LINK_NOT_ACKNOWLEDGED');
    expect(await readFile(scratch.keys, 'utf8')).to.match(/^001 web-01 any /);
  });

  it('tells the name that an OSSEC manager gave to a duplicate', async () => {
    const target = await manager({ family: 'ossec' });
    await run([...against(target, scratch.home), '--name', 'web-01']);
    const { code, stdout } = await run([...against(target, scratch.home), '--name', 'web-01', '--force', '--json']);
    expect(code).to.equal(0);
    const { agent, warnings } = JSON.parse(stdout);
    expect(agent.name).to.equal('web-012');
    expect(warnings.join(' ')).to.include('web-012');
  });

  it('ends with 130 at Ctrl-C, at once, with the key whole and the lock gone', async () => {
    const target = await manager({ keyReloadMs: 60_000 });
    const program = start([...against(target, scratch.home), '--name', 'web-01']);
    await program.said('Waiting for the manager to acknowledge');
    const interrupted = performance.now();
    program.signal('SIGINT');
    const { code, signal } = await program.finished;
    // Where a busy disk holds up one of its threads it ends by the signal, of which a shell makes 130 as well.
    expect(code ?? signal).to.be.oneOf([130, 'SIGINT']);
    expect(performance.now() - interrupted, 'ms').to.be.below(1000 * LOAD);
    expect(await readFile(scratch.keys, 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
    expect(Object.keys(await snapshot(scratch.home))).to.not.include('/.agent-enroll.lock');
  });

  it('works twenty times at once: one agent, one key, twenty honest exit codes', async () => {
    const target = await manager();
    const args = [...against(target, scratch.home), '--name', 'web-01', '--json'];
    const runs = await Promise.all(Array.from({ length: 20 }, () => run(args)));
    expect(runs.map(({ code }) => code)).to.deep.equal(Array.from({ length: 20 }, () => 0));
    expect(target.agents()).to.have.length(1);
    expect(runs.filter(({ stdout }) => JSON.parse(stdout).changed === true)).to.have.length(1);
    expect(requests()).to.have.length(1);
  });

  it('makes the home of a bare host, and takes it away again when the manager refuses', async () => {
    const target = await manager({ groups: ['web'] });
    const bare = join(scratch.home, 'ossec');
    const refused = await run([...against(target, bare), '--name', 'web-01', '--groups', 'nosuch', '--json']);
    expect(refused.code).to.equal(5);
    expect(Object.keys(await snapshot(scratch.home))).to.deep.equal(['/etc']);
    const { code } = await run([...against(target, bare), '--name', 'web-01', '--groups', 'web', '--json']);
    expect(code).to.equal(0);
    expect(await readFile(join(bare, 'etc', 'client.keys'), 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
  });

  it('tells the next run of a request whose answer was lost', async () => {
    const target = await manager();
    const args = [...against(target, scratch.home), '--name', 'web-01', '--json'];
    const request = { name: 'web-01', manager: 'siem:1515', startedAt: '2026-01-02T03:04:05.000Z' };
    await writeFile(join(scratch.home, '.agent-enroll.journal'), JSON.stringify(request));
    const { code, stdout } = await run(args);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout).warnings.join(' ')).to.include('siem:1515').and.to.include('2026-01-02');
    expect(Object.keys(await snapshot(scratch.home))).to.not.include('/.agent-enroll.journal');
    expect(await openRequest(scratch.home)).to.equal(undefined);
  });

  it('explains a name that is taken by the request of a run that was killed, and keeps the note until it is settled', async () => {
    const target = await manager();
    const elsewhere = await scratchHome();
    await run([...against(target, elsewhere.home), '--name', 'web-01']);
    await elsewhere.remove();
    const request = { name: 'web-01', manager: 'siem:1515', startedAt: '2026-01-02T03:04:05.000Z' };
    await noteRequest(scratch.home, request);
    const args = [...against(target, scratch.home), '--json', '--retries', '0'];
    const open = String(target.endpoints.authd.port);
    const nobody = await run([...args.map((arg) => (arg === open ? '1' : arg)), '--name', 'web-01']);
    expect(JSON.parse(nobody.stdout).error.code).to.equal('CONNECTION_REFUSED');
    for (const _ of ['the first time', 'as often as it is run']) {
      const { code, stdout } = await run([...args, '--name', 'web-01']);
      expect(code).to.equal(5);
      const { error, warnings } = JSON.parse(stdout);
      expect(error.code).to.equal('NAME_DUPLICATE');
      expect(error.message).to.include('2026-01-02').and.to.include('siem:1515');
      expect(error.hint).to.include('manage_agents -r').and.to.include('agent-enroll import');
      expect(warnings.join(' ')).to.include('did not come to an end');
    }
    expect(await openRequest(scratch.home)).to.deep.equal(request);
    const other = await run([...args, '--name', 'web-02']);
    expect(other.code).to.equal(0);
    expect(await openRequest(scratch.home)).to.equal(undefined);
  });

  it('asks no manager for a key where the message counters of the handshake could not be kept', async () => {
    await mkdir(join(scratch.home, 'queue'));
    await writeFile(join(scratch.home, 'queue', 'rids'), '');
    const target = await manager();
    const { code, stdout } = await run([...against(target, scratch.home), '--name', 'web-01', '--json']);
    expect(code).to.equal(6);
    expect(JSON.parse(stdout).error.message).to.include(join(scratch.home, 'queue', 'rids', 'sender_counter'));
    expect(target.agents()).to.deep.equal([]);
    expect(await snapshot(scratch.home)).to.not.have.property('/etc/client.keys');
  });

  it('closes the note of a run that was killed after its key was installed, and tells once of any other', async () => {
    const args = [...against(await manager(), scratch.home), '--name', 'web-01', '--json'];
    await run(args);
    for (const [name, told] of [
      ['web-01', 0],
      ['web-77', 1],
    ] as const) {
      await noteRequest(scratch.home, { name, manager: 'siem:1515', startedAt: '2026-01-02T03:04:05.000Z' });
      const { code, stdout } = await run(args);
      expect(code).to.equal(0);
      expect(JSON.parse(stdout)).to.include({ changed: false });
      expect(JSON.parse(stdout).warnings, name).to.have.length(told);
      expect(await openRequest(scratch.home)).to.equal(undefined);
    }
  });

  it('goes to the next manager when the first is not there, and tells what failed where when none is', async () => {
    const target = await manager();
    const closed = await manager();
    const { port } = closed.endpoints.agent;
    await closed.close();
    sandbox = target;
    const { agent, authd } = target.endpoints;
    const rest = [
      '--enrollment-port',
      String(authd.port),
      '--agent-home',
      scratch.home,
      '--name',
      'web-01',
      '--json',
      '--retries',
      '0',
    ];
    const { code, stdout } = await run(['--manager', `127.0.0.2:${port},127.0.0.1:${agent.port}`, ...rest]);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout).manager).to.deep.include({ host: '127.0.0.1', port: agent.port });
    await target.close();
    const none = await run(['--manager', `127.0.0.2:${port},127.0.0.1:${agent.port}`, ...rest, '--force']);
    expect(none.code).to.equal(3);
    expect(JSON.parse(none.stdout).error.message).to.include('127.0.0.2').and.to.include('127.0.0.1');
  });

  it('takes the word of an agent daemon that runs on this host, and sends no test message beside it', async () => {
    const target = await manager();
    await run([...against(target, scratch.home), '--name', 'web-01']);
    const messages = events.filter(({ type }) => type === 'message').length;
    const bin = join(scratch.home, 'bin');
    const runDirectory = join(scratch.home, 'var', 'run');
    await mkdir(bin);
    await mkdir(runDirectory, { recursive: true });
    await copyFile('/bin/sleep', join(bin, 'wazuh-agentd'));
    const daemon = spawn(join(bin, 'wazuh-agentd'), ['30'], { stdio: 'ignore' });
    try {
      await once(daemon, 'spawn');
      await writeFile(join(runDirectory, `wazuh-agentd-${daemon.pid}.pid`), `${daemon.pid}\n`);
      for (const [status, exit] of [
        ['connected', 0],
        ['pending', 7],
      ] as const) {
        await writeFile(
          join(runDirectory, 'wazuh-agentd.state'),
          `status='${status}'\nlast_keepalive=''\nlast_ack=''\n`,
        );
        const { code, stdout } = await run([
          'check',
          '--manager',
          '127.0.0.1:1',
          '--agent-home',
          scratch.home,
          '--json',
        ]);
        expect(code, status).to.equal(exit);
        expect(JSON.parse(stdout).error?.code).to.equal(exit === 0 ? undefined : 'AGENT_NOT_CONNECTED');
      }
      expect(events.filter(({ type }) => type === 'message')).to.have.length(messages);
    } finally {
      daemon.kill();
    }
  });

  it('prints plain lines without control characters where there is no terminal', async () => {
    const { stderr } = await run([...against(await manager(), scratch.home), '--name', 'web-01']);
    expect(stderr).to.not.match(/[^\x20-\x7e\n…]/);
    expect(stderr.trimEnd().split('\n').at(-1)).to.equal('Agent 001 web-01 is enrolled, and the manager answered.');
  });

  describe('check', () => {
    it('proves the link with the key that is there', async () => {
      const target = await manager();
      await run([...against(target, scratch.home), '--name', 'web-01']);
      const { agent } = target.endpoints;
      const { code, stdout } = await run([
        'check',
        '--manager',
        `127.0.0.1:${agent.port}`,
        '--agent-home',
        scratch.home,
        '--json',
      ]);
      expect(code).to.equal(0);
      expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: false, command: 'check' });
    });

    it('exits 6 where there is no key', async () => {
      const { code, stdout } = await run(['check', '--manager', '127.0.0.1:1', '--agent-home', scratch.home, '--json']);
      expect(code).to.equal(6);
      expect(JSON.parse(stdout).error.code).to.equal('KEY_MISSING');
    });

    it('exits 7 where the port is closed', async () => {
      const target = await manager();
      await run([...against(target, scratch.home), '--name', 'web-01']);
      const { port } = target.endpoints.agent;
      await target.close();
      const { code, stdout } = await run([
        'check',
        '--manager',
        `127.0.0.1:${port}`,
        '--agent-home',
        scratch.home,
        '--wait',
        '500ms',
        '--json',
      ]);
      expect(code).to.equal(7);
      expect(JSON.parse(stdout).error.code).to.equal('LINK_PORT_CLOSED');
    });
  });

  describe('wrong usage', () => {
    for (const [what, args, words] of [
      ['no manager', ['--json'], 'No manager'],
      ['an unknown flag', ['--manger', 'x', '--json'], 'manger'],
      ['a port that is none', ['--manager', '127.0.0.1', '--enrollment-port', '99999', '--json'], '--enrollment-port'],
      ['a name that is none', ['--manager', '127.0.0.1', '--name', 'a b', '--json'], 'a b'],
      ['an address that is none', ['--manager', '127.0.0.1', '--ip', '10.0.0.999', '--json'], '--ip'],
      ['a value given twice', ['--manager', '127.0.0.1', '--name', 'aa', '--name', 'bb', '--json'], '--name'],
      [
        'two options that contradict each other',
        ['--manager', '127.0.0.1', '--insecure', '--pin', `sha256:${'0'.repeat(64)}`, '--json'],
        '--pin',
      ],
    ] as const) {
      it(`is told: ${what}`, async () => {
        const { code, stdout } = await run([...args, '--agent-home', scratch.home]);
        expect(code).to.equal(2);
        const { error } = JSON.parse(stdout);
        expect(error.message).to.include(words);
        expect(error.hint).to.not.equal('');
      });
    }
  });
});
