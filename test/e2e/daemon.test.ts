import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run, scratchHome } from './program.js';

/** The time as an agent writes it: local, without a zone. */
function localTime(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}

/** A process of the daemon's name stands for it; what it says is what the test writes. */
describe('beside an agent daemon', function () {
  this.timeout(30_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let daemons: ChildProcess[] = [];
  let messages = 0;
  let requests = 0;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
    await mkdir(join(scratch.home, 'bin'));
    await mkdir(join(scratch.home, 'var/run'), { recursive: true });
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 50,
      onEvent: ({ type }) => {
        if (type === 'message') messages += 1;
        if (type === 'request') requests += 1;
      },
    });
  });
  afterEach(async () => {
    await stop();
    await sandbox.close();
    await scratch.remove();
  });
  after(() => expect(daemons).to.deep.equal([]));

  const start = async (name = 'wazuh-agentd') => {
    const program = join(scratch.home, 'bin', name);
    await copyFile('/bin/sleep', program);
    const daemon = spawn(program, ['60'], { stdio: 'ignore' });
    daemons.push(daemon);
    await once(daemon, 'spawn');
    // The system tells a start in hundredths of a second, and this program's own a few of them late.
    await sleep(200);
    await writeFile(join(scratch.home, 'var/run', `${name}-${daemon.pid}.pid`), `${daemon.pid}\n`);
    return daemon;
  };
  const stop = async () => {
    for (const daemon of daemons) {
      daemon.kill('SIGKILL');
      if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit');
    }
    daemons = [];
    await rm(join(scratch.home, 'var/run'), { recursive: true });
    await mkdir(join(scratch.home, 'var/run'));
    await rm(join(scratch.home, 'bin'), { recursive: true });
    await mkdir(join(scratch.home, 'bin'));
  };
  const state = () => join(scratch.home, 'var/run/wazuh-agentd.state');
  const says = (status: string, at: Date | undefined = new Date()) => {
    const time = at === undefined ? '' : localTime(at);
    return writeFile(state(), `status='${status}'\nlast_keepalive='${time}'\nlast_ack='${time}'\n`);
  };
  const flags = () => [
    ...against(sandbox, scratch.home),
    '--name',
    'web-01',
    '--retries',
    '0',
    '--wait',
    '5',
    '--json',
  ];
  const enrolled = async () => {
    expect((await run(flags())).code).to.equal(0);
    messages = 0;
    requests = 0;
  };
  /** What a run ends with; the manager is asked for nothing by one that has a key, and told nothing beside a daemon. */
  const ends = async (args: readonly string[]) => {
    const { code, stdout } = await run(args);
    const { error, changed } = JSON.parse(stdout);
    return { code, error: error?.code, hint: error?.hint ?? '', changed };
  };
  const check = () => {
    const { host, port } = sandbox.endpoints.agent;
    return ends(['check', '--manager', `${host}:${port}`, '--agent-home', scratch.home, '--json']);
  };
  const again = () => ends(flags());
  const silent = () => expect([messages, requests]).to.deep.equal([0, 0]);

  it('exits 0 on its fresh word about this key, and sends no message', async () => {
    await enrolled();
    await start();
    for (const at of [new Date(), undefined]) {
      await says('connected', at);
      expect(await again()).to.include({ code: 0, changed: false });
      expect(await check()).to.include({ code: 0 });
    }
    silent();
  });

  for (const [what, prepare] of [
    ['was last answered in 2020', () => says('connected', new Date(2020, 0, 1))],
    [
      'has not written its state for an hour',
      async () => {
        await says('connected');
        const before = new Date(Date.now() - 3_600_000);
        await utimes(state(), before, before);
      },
    ],
    ['has no state file', async () => {}],
    ['is pending', () => says('pending')],
    ['is disconnected', () => says('disconnected')],
  ] as const) {
    it(`exits 7 with the way out where it ${what}`, async () => {
      await enrolled();
      await start();
      await prepare();
      for (const end of [await again(), await check()]) {
        expect(end).to.include({ code: 7, error: 'AGENT_NOT_CONNECTED', changed: false });
        expect(end.hint).to.match(/--force and restart the agent|Stop the agent, run agent-enroll check/);
      }
      silent();
    });
  }

  it('exits 7 where it is halted, and 0 once it goes on', async () => {
    await enrolled();
    const daemon = await start();
    await says('connected');
    daemon.kill('SIGSTOP');
    expect(await check()).to.include({ code: 7, error: 'AGENT_NOT_CONNECTED' });
    daemon.kill('SIGCONT');
    expect(await check()).to.include({ code: 0 });
  });

  it('exits 7 where it was started with another key, until it is restarted', async () => {
    await enrolled();
    const key = await readFile(scratch.keys, 'utf8');
    await start();
    await says('connected');
    await rm(scratch.keys);
    await writeFile(scratch.keys, key.replace(/[0-9a-f]{64}/, '0'.repeat(64)), { mode: 0o640 });
    for (const end of [await again(), await check()]) {
      expect(end).to.include({ code: 7, error: 'AGENT_RESTART_NEEDED' });
    }
    silent();
    await writeFile(scratch.keys, key);
    await stop();
    await start();
    await says('connected');
    expect(await check()).to.include({ code: 0 });
  });

  it('exits 0 where the mode of its file alone was changed since, be it by this program', async () => {
    await enrolled();
    await start();
    await says('connected');
    expect(await again()).to.include({ code: 0 });
    await chmod(scratch.keys, 0o644);
    expect(await again()).to.include({ code: 0 });
    expect(await again()).to.include({ code: 0 });
    expect(await check()).to.include({ code: 0 });
  });

  it('--force gets another key where the manager has forgotten this one, and 0 after a restart', async () => {
    await enrolled();
    await start();
    await says('disconnected');
    await sandbox.removeAgent('001');
    const forced = await ends([...flags(), '--force']);
    expect(forced).to.include({ code: 7, error: 'AGENT_RESTART_NEEDED', changed: true });
    expect(await readFile(scratch.keys, 'utf8')).to.match(/^002 web-01 /);
    await says('connected');
    expect(await check()).to.include({ code: 7, error: 'AGENT_RESTART_NEEDED' });
    await stop();
    await start();
    await says('connected');
    expect(await again()).to.include({ code: 0, changed: false });
  });

  describe("of OSSEC's", () => {
    const queue = () => join(scratch.home, 'queue/ossec');

    it('exits 0 where it does not wait, and 7 where it does', async () => {
      await enrolled();
      await mkdir(queue(), { recursive: true });
      await start('ossec-agentd');
      expect(await again()).to.include({ code: 0, changed: false });
      expect(await check()).to.include({ code: 0 });
      await writeFile(join(queue(), '.wait'), '');
      expect(await check()).to.include({ code: 7, error: 'AGENT_NOT_CONNECTED' });
      expect(await again()).to.include({ code: 7, error: 'AGENT_NOT_CONNECTED' });
      silent();
    });
  });
});
