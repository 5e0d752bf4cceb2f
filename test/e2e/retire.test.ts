import { once } from 'node:events';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { type Gate, openGate } from '../journey/gate.js';
import { NOBODY } from '../journey/journey-scene.js';
import { against, notesOf, run, scratchHome, snapshot, start } from './program.js';

describe('agent-enroll retire, as it is run', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let gate: Gate;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let onEvent: (event: SandboxEvent) => void;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    onEvent = () => {};
    scratch = await scratchHome();
    await mkdir(join(scratch.home, 'queue', 'rids'), { recursive: true });
  });
  afterEach(async () => {
    await gate.close();
    await sandbox.close();
    await scratch.remove();
  });

  /** A manager with an API, and how a host is retired there; the API is reached through the gate. */
  const manager = async (options: Partial<SandboxOptions> = {}) => {
    const told = (event: SandboxEvent) => onEvent(event);
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 50, onEvent: told, ...options });
    const url = new URL(sandbox.api?.url ?? '');
    gate = await openGate({ host: url.hostname, port: Number(url.port) });
    const { host, port } = gate.endpoint;
    const user = options.family === 'wazuh-3' ? 'foo' : 'retire';
    const password = options.family === 'wazuh-3' ? 'bar' : 'retire';
    const credentials = {
      AGENT_ENROLL_API_URL: `${url.protocol}//${host}:${port}`,
      AGENT_ENROLL_API_USER: user,
      AGENT_ENROLL_API_PASSWORD: password,
    };
    const pin = ['--pin', sandbox.api?.fingerprint ?? ''];
    const common = ['--agent-home', scratch.home];
    return {
      enroll: () => run([...against(sandbox, scratch.home), '--name', 'web-01', '--json']),
      args: ['retire', ...common, ...pin],
      env: credentials,
      retire: async (...more: string[]) => {
        const { code, stdout, stderr, ms } = await run(['retire', ...common, ...pin, '--json', ...more], {
          env: credentials,
        });
        return { code, ms, stdout, stderr, report: JSON.parse(stdout) };
      },
    };
  };
  const names = () => sandbox.agents().map(({ name }) => name);
  const text = (path: string) => readFile(path, 'utf8').catch(() => undefined);

  for (const family of ['wazuh-4', 'wazuh-3'] as const) {
    it(`enrolls, retires, and enrolls again (${family})`, async () => {
      const { enroll, retire } = await manager({ family });
      expect((await enroll()).code).to.equal(0);
      const record = (await text(scratch.keys)) ?? '';
      const { code, report, stdout, stderr } = await retire();
      expect(report.error).to.equal(undefined);
      expect(code).to.equal(0);
      expect(report).to.deep.include({
        ok: true,
        changed: true,
        command: 'retire',
        method: 'api',
        retired: { agent: 'deleted', keyFile: `${scratch.keys}.retired` },
        warnings: [],
      });
      expect(report.agent).to.deep.include({ id: '001', name: 'web-01' });
      expect(names()).to.deep.equal([]);
      expect(await text(scratch.keys)).to.equal(undefined);
      expect(await text(`${scratch.keys}.retired`)).to.equal(record);
      expect((await stat(`${scratch.keys}.retired`)).mode & 0o777).to.equal(0o600);
      const key = record.trim().split(' ')[3] ?? 'none';
      expect(`${stdout}${stderr}${await text(notesOf(scratch.home))}`).to.not.include(key);

      const before = await snapshot(scratch.home);
      const again = await retire();
      expect(again.code).to.equal(0);
      expect(again.report).to.deep.include({ ok: true, changed: false, retired: { agent: 'none' } });
      expect(await snapshot(scratch.home)).to.deep.equal(before);

      expect((await enroll()).code).to.equal(0);
      expect(names()).to.deep.equal(['web-01']);
      expect(await text(scratch.keys)).to.not.equal(record);
    });
  }

  it('says it in words', async () => {
    const { enroll, args, env } = await manager();
    await enroll();
    const { code, stdout, stderr } = await run(args, { env });
    expect(code).to.equal(0);
    expect(stdout).to.equal('');
    expect(stderr).to.include('The manager has deleted agent 001 web-01');
    expect(stderr).to.include(`The key was set aside: ${scratch.keys}.retired`);
    expect(stderr).to.match(/agent 001 web-01.* is retired: the manager has deleted it/i);
    const again = await run(args, { env });
    expect(again.stderr).to.include(`There was nothing to retire: ${scratch.keys} has no key.`);
    expect(again.code).to.equal(0);
  });

  it('needs no credentials where there is no key', async () => {
    await manager();
    const { code, stdout } = await run(['retire', '--agent-home', scratch.home, '--json']);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: false });
    expect(Object.keys(await snapshot(scratch.home)).sort()).to.deep.equal(['/etc', '/queue', '/queue/rids']);
  });

  it('refuses without credentials, and does this host’s part with --yes', async () => {
    const { enroll } = await manager();
    await enroll();
    const args = ['retire', '--agent-home', scratch.home, '--json'];
    const refused = await run(args);
    expect(refused.code).to.equal(2);
    expect(JSON.parse(refused.stdout).error.code).to.equal('API_CREDENTIALS_MISSING');
    expect(await text(scratch.keys)).to.not.equal(undefined);
    const { code, stdout } = await run([...args, '--yes']);
    expect(code).to.equal(0);
    const report = JSON.parse(stdout);
    expect(report.retired).to.deep.equal({ agent: 'not asked', keyFile: `${scratch.keys}.retired` });
    expect(report.warnings.join()).to.include('manage_agents -r 001');
    expect(names()).to.deep.equal(['web-01']);
  });

  it('refuses wrong credentials once, without a login to spare', async () => {
    const { enroll, retire } = await manager({ api: { blockAfter: 2 } });
    await enroll();
    const wrong = await retire('--api-user', 'nobody');
    expect(wrong.code).to.equal(5);
    expect(wrong.report.error.code).to.equal('API_CREDENTIALS_REFUSED');
    expect((await retire()).code).to.equal(0);
  });

  it('sends no credentials to a server that nobody vouches for', async () => {
    const { enroll, env } = await manager();
    await enroll();
    const { code, stdout } = await run(['retire', '--agent-home', scratch.home, '--json'], { env });
    expect(code).to.equal(4);
    expect(JSON.parse(stdout).error.message).to.include('The API credentials were not sent');
    expect(names()).to.deep.equal(['web-01']);
  });

  describe('whose API is cut off', () => {
    it('after the agent was deleted: finds that it was', async () => {
      const { enroll, retire } = await manager();
      await enroll();
      onEvent = ({ type }) => {
        if (type === 'removed') gate.cut();
      };
      const { code, report } = await retire();
      expect(code).to.equal(0);
      expect(report.retired.agent).to.equal('deleted');
    });

    it('for good after the agent was deleted: exit 8, and the next run ends well', async () => {
      const { enroll, retire } = await manager();
      await enroll();
      onEvent = ({ type }) => {
        if (type !== 'removed') return;
        gate.leadTo(NOBODY);
        gate.cut();
      };
      const lost = await retire('--retries', '0', '--timeout', '2s');
      expect(lost.code).to.equal(8);
      expect(lost.report.error.code).to.equal('ANSWER_LOST');
      expect(lost.report.error.hint).to.include('again');
      expect(await text(scratch.keys)).to.not.equal(undefined);
      const { hostname, port } = new URL(sandbox.api?.url ?? '');
      gate.leadTo({ host: hostname, port: Number(port) });
      const { code, report } = await retire();
      expect(code).to.equal(0);
      expect(report.retired.agent).to.equal('gone');
      expect(await text(scratch.keys)).to.equal(undefined);
    });

    it('before anything was asked: exit 3, and nothing is changed', async () => {
      const { enroll, retire } = await manager();
      await enroll();
      const before = await snapshot(scratch.home);
      gate.leadTo(NOBODY);
      const { code, report } = await retire('--retries', '0');
      expect(code).to.equal(3);
      expect(report.retired).to.equal(undefined);
      expect(await snapshot(scratch.home)).to.deep.equal(before);
      expect(names()).to.deep.equal(['web-01']);
    });
  });

  it('keeps to its deadline where the API hangs', async () => {
    const { enroll, retire } = await manager();
    await enroll();
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    gate.leadTo({ host: '127.0.0.1', port: typeof address === 'object' ? (address?.port ?? 0) : 0 });
    const { code, report, ms } = await retire('--deadline', '1s', '--timeout', '20s');
    silent.close();
    expect(code).to.equal(3);
    expect(report.error.code).to.equal('DEADLINE_PASSED');
    expect(ms).to.be.below(5000);
    expect(await text(scratch.keys)).to.not.equal(undefined);
    expect(names()).to.deep.equal(['web-01']);
  });

  it('waits for a run that enrolls, and retires what that got', async () => {
    const { args, env } = await manager();
    let retiring: ReturnType<typeof start> | undefined;
    const registered = new Promise<void>((resolve) => {
      onEvent = ({ type }) => {
        if (type !== 'registered') return;
        retiring = start([...args, '--json'], { env });
        resolve();
      };
    });
    const enrolling = start([...against(sandbox, scratch.home), '--name', 'web-01', '--json']);
    await registered;
    expect((await enrolling.finished).code).to.equal(0);
    expect((await retiring?.finished)?.code).to.equal(0);
    expect(names()).to.deep.equal([]);
    expect(await text(scratch.keys)).to.equal(undefined);
  });

  it('of a Wazuh 5 refuses without its REST API, says how to call that, and with --yes sets all aside that came with the key', async () => {
    await manager();
    const wazuh5 = await startHttpsSandbox({ password: new Secret('correct horse') });
    try {
      const enroll = async () => {
        const env = { WAZUH_ENROLLMENT_TOKEN: wazuh5.mintToken().text.reveal() };
        const { code, stdout } = await run(['--agent-home', scratch.home, '--name', 'web-05', '--json'], { env });
        expect(code, stdout).to.equal(0);
      };
      await enroll();
      const retire = async (...more: string[]) => {
        const { code, stdout } = await run(['retire', '--agent-home', scratch.home, '--json', ...more]);
        return { code, report: JSON.parse(stdout) };
      };
      const { code, report } = await retire();
      expect([code, report.error.code]).to.deep.equal([2, 'API_CREDENTIALS_MISSING']);
      const [{ id = '' } = {}] = wazuh5.agents();
      expect(report.error.hint).to.include(`DELETE /agents?agents_list=${id}&status=all&older_than=0s`);
      expect(report.error.hint).to.not.include('manage_agents -r');
      const done = await retire('--yes');
      expect(done.code).to.equal(0);
      expect(done.report.warnings.join()).to.include('DELETE /agents');
      const etc = Object.keys(await snapshot(join(scratch.home, 'etc'))).sort();
      const aside = ['/certs/root-ca.pem.retired', '/client.keys.retired', '/reenroll.secret.retired'];
      expect(etc).to.deep.equal(['/certs', ...aside]);
      // Somebody has called the API; then it is a host without a key.
      wazuh5.removeAgent(id);
      await enroll();
      expect(wazuh5.agents().map(({ name }) => name)).to.deep.equal(['web-05']);
    } finally {
      await wazuh5.close();
    }
  });

  it('is told of by help and detect', async () => {
    const { env } = await manager();
    const { stdout } = await run(['retire', '--help']);
    for (const word of ['--api-user', '--api-password-file', '--yes', '--deadline']) expect(stdout).to.include(word);
    expect(stdout).to.not.include('--groups');
    const detected = await run(['detect', '--agent-home', scratch.home], { env });
    expect(detected.stdout).to.include('retire').and.not.include('password: retire');
  });

  it('takes no key as an argument, and repeats none', async () => {
    await manager();
    const key = `001 web-01 any ${'b1'.repeat(32)}`;
    for (const word of [key, Buffer.from(key).toString('base64')]) {
      const { code, stdout, stderr } = await run(['retire', word, '--agent-home', scratch.home, '--json']);
      expect(code).to.equal(2);
      expect(stdout).to.include('Unknown argument');
      expect(`${stdout}${stderr}`).to.not.include('b1b1').and.not.include(word.slice(-20));
    }
  });
});
