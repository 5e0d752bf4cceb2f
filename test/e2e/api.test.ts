import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import type { ApiPermission } from '../../src/sandbox/api/users.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { type ApiServer, managerApi, success } from '../obtain/api/api-server.js';
import { run, scratchHome, start } from './program.js';

describe('agent-enroll through the REST API, as it is run', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(async () => {
    await sandbox.close();
    await scratch.remove();
  });

  const manager = async (options: Partial<SandboxOptions> = {}) => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 300, groups: ['web'], ...options });
    const { api, endpoints } = sandbox;
    if (api === undefined) throw new Error('the sandbox has no API');
    const { agent } = endpoints;
    const enroll = async (user: string, password: string, ...args: string[]) => {
      const file = join(scratch.home, 'api-password');
      await writeFile(file, `${password}\n`, { mode: 0o600 });
      const { code, stdout } = await run([
        ...[
          '--manager',
          `${agent.host}:${agent.port}`,
          '--api-url',
          api.url,
          '--api-user',
          user,
          '--api-password-file',
          file,
        ],
        ...['--agent-home', scratch.home, '--json', ...args],
        ...(args.includes('--name') ? [] : ['--name', 'web-01']),
      ]);
      expect(stdout).to.not.include(password === user ? '"password"' : password);
      return { code, report: JSON.parse(stdout) };
    };
    return { enroll, pin: ['--pin', api.fingerprint ?? ''] };
  };

  it('asks an API of its own once, however many managers there are, and each manager where it is theirs', async () => {
    await manager();
    const file = join(scratch.home, 'api-password');
    await writeFile(file, 'x\n', { mode: 0o600 });
    const asked = async (...args: string[]) => {
      const { code, stderr } = await run([
        ...['--manager', '127.0.0.1:1,127.0.0.2:1', '--method', 'api', '--api-user', 'u', '--api-password-file', file],
        ...['--agent-home', scratch.home, '--name', 'web-01', '--insecure', '--retries', '0', ...args],
      ]);
      expect(code).to.equal(3);
      return stderr.match(/^Asking .*/gm);
    };
    expect(await asked('--api-url', 'https://127.0.0.1:1')).to.have.length(1);
    expect(await asked()).to.have.length(2);
  });

  for (const [family, user, password] of [
    ['wazuh-4', 'wazuh', 'wazuh'],
    ['wazuh-3', 'foo', 'bar'],
  ] as const) {
    it(`enrolls and proves the link (${family})`, async () => {
      const { enroll, pin } = await manager({ family });
      const { code, report } = await enroll(user, password, ...pin, '--groups', 'web');
      expect(report.error).to.equal(undefined);
      expect(code).to.equal(0);
      expect(report).to.deep.include({
        ok: true,
        changed: true,
        method: 'api',
        methodReason: 'auto: API credentials were given',
      });
      expect(report.agent).to.deep.include({ name: 'web-01', groups: ['web'] });
      expect(report.trust.by).to.equal('pin');
      expect(report.link.protocol).to.equal('tcp');
      expect(await readFile(scratch.keys, 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
      const again = await enroll(user, password, ...pin);
      expect(again.code).to.equal(0);
      expect(again.report.changed).to.equal(false);
    });
  }

  it('sends no credentials to a server that nobody vouches for, and shows the fingerprint to pin', async () => {
    const { enroll, pin } = await manager();
    const { code, report } = await enroll('wazuh', 'wazuh');
    expect(code).to.equal(4);
    expect(`${report.error.message} ${report.error.hint}`).to.include(pin[1]);
  });

  it('says that the credentials are wrong, once', async () => {
    const { enroll, pin } = await manager({ api: { blockAfter: 2 } });
    const first = await enroll('wazuh', 'wrong-one', ...pin);
    expect(first.code).to.equal(5);
    expect(first.report.error.code).to.equal('API_CREDENTIALS_REFUSED');
    // Two failures would block this address: the right password still works, so there was one.
    expect((await enroll('wazuh', 'wazuh', ...pin)).code).to.equal(0);
  });

  it('says that the address is blocked, and does not wait for that', async () => {
    const { enroll, pin } = await manager({ api: { blockAfter: 1 } });
    await enroll('wazuh', 'wrong-one', ...pin);
    const { code, report } = await enroll('wazuh', 'wazuh', ...pin);
    expect(code).to.equal(5);
    expect(report.error.code).to.equal('API_BLOCKED');
    expect(report.error.message).to.include('6000').and.include('the right password');
    expect(report.error.hint).to.include('five minutes');
  });

  it('says that the API takes no more requests, after it has waited', async () => {
    const { enroll, pin } = await manager({ api: { rateLimit: 2 } });
    const { code, report } = await enroll('wazuh', 'wazuh', ...pin, '--timeout', '1s', '--retries', '0');
    expect(code).to.equal(5);
    expect(report.error.code).to.equal('API_RATE_LIMITED');
    expect(report.error.message).to.include('6001');
    expect(report.error.hint).to.include('--splay');
  });

  it('says which agent has the address already', async () => {
    const { enroll, pin } = await manager();
    await enroll('wazuh', 'wazuh', ...pin, '--ip', '10.9.8.7', '--no-handshake');
    await writeFile(scratch.keys, '');
    const { code, report } = await enroll('wazuh', 'wazuh', ...pin, '--ip', '10.9.8.7', '--name', 'web-02');
    expect(code).to.equal(5);
    expect(report.error.code).to.equal('IP_DUPLICATE');
    expect(report.error.message).to.include('agent 001 (web-01, 10.9.8.7)');
  });

  it('needs no more than the documented privileges: one to add, three more for groups', async () => {
    const least: readonly ApiPermission[] = ['agent:create'];
    const forGroups: readonly ApiPermission[] = [
      ...least,
      'agent:modify_group',
      'group:read',
      'group:modify_assignments',
    ];
    const user = (name: string, permissions: readonly ApiPermission[]) => ({
      name,
      password: new Secret(`${name}-password`),
      permissions,
    });
    const { enroll, pin } = await manager({ api: { users: [user('least', least), user('grouper', forGroups)] } });
    const unproven = [...pin, '--no-handshake'];
    const alone = await enroll('least', 'least-password', ...unproven);
    expect(alone.report.error).to.equal(undefined);
    expect(alone.report.warnings).to.deep.equal([]);
    const grouped = await enroll(
      'grouper',
      'grouper-password',
      ...[...unproven, '--name', 'web-02', '--groups', 'web', '--force'],
    );
    expect(grouped.report.error).to.equal(undefined);
    expect(grouped.report).to.deep.include({ ok: true, changed: true, warnings: [] });
    expect(grouped.report.agent.groups).to.deep.equal(['web']);
  });

  it('says which permission is missing', async () => {
    const { enroll, pin } = await manager();
    const { code, report } = await enroll('reader', 'reader', ...pin);
    expect(code).to.equal(5);
    expect(report.error.code).to.equal('API_PERMISSION_DENIED');
    expect(`${report.error.message} ${report.error.hint}`).to.include('agent:create');
  });

  it('explains an agent of that name, and replaces it with --force', async () => {
    const { enroll, pin } = await manager();
    await enroll('wazuh', 'wazuh', ...pin);
    await writeFile(scratch.keys, '');
    const refused = await enroll('wazuh', 'wazuh', ...pin);
    expect(refused.code).to.equal(5);
    expect(refused.report.error.code).to.equal('NAME_DUPLICATE');
    expect(refused.report.error.message).to.include('001');
    const { code, report } = await enroll('wazuh', 'wazuh', ...pin, '--force');
    expect(code).to.equal(0);
    expect(report.agent.id).to.not.equal('001');
  });

  describe('and then a group call that hangs', () => {
    const key = Buffer.from(`001 web-01 any ${'ab'.repeat(32)}`).toString('base64');
    const nothing = success({ affected_items: [], failed_items: [] });
    const line = `001 web-01 any ${'ab'.repeat(32)}\n`;
    let server: ApiServer | undefined;
    afterEach(async () => {
      await server?.close();
      server = undefined;
    });

    /** Starts the program; `hung` resolves when the manager has the call that it will never answer. */
    const begin = async (...args: string[]) => {
      await manager();
      let hang = () => {};
      const hung = new Promise<void>((resolve) => {
        hang = resolve;
      });
      server = await managerApi(
        '4.14.7',
        { 'GET /groups': nothing, 'POST /agents': success({ id: '001', key }), 'PUT /agents/001/group/web': hang },
        { plain: true },
      );
      const program = start(
        [
          ...['--manager', '127.0.0.1:1', '--api-url', server.url, '--insecure', '--api-user', 'wazuh', '--json'],
          ...['--agent-home', scratch.home, '--name', 'web-01', '--groups', 'web', ...args],
        ],
        { env: { AGENT_ENROLL_API_PASSWORD: 'not-the-one' } },
      );
      await Promise.race([hung, program.finished]);
      return program;
    };

    it('has the key on the disk where the run is killed meanwhile', async () => {
      const program = await begin('--no-handshake');
      program.signal('SIGKILL');
      expect(await program.finished).to.include({ signal: 'SIGKILL' });
      expect(await readFile(scratch.keys, 'utf8')).to.equal(line);
      // The next run finds the key, and has nothing to ask for.
      const calls = server?.calls.length;
      const { code, stdout } = await run([
        ...['--manager', '127.0.0.1:1', '--agent-home', scratch.home, '--no-handshake', '--json'],
      ]);
      expect(code).to.equal(0);
      expect(JSON.parse(stdout)).to.deep.include({ changed: false, warnings: [] });
      expect(server?.calls).to.have.length(calls ?? 0);
    });

    it('ends at once with the signal, and says which groups were not assigned', async () => {
      const program = await begin('--no-handshake');
      program.signal('SIGTERM');
      const { code, stdout } = await program.finished;
      expect(code).to.equal(143);
      const report = JSON.parse(stdout);
      expect(report).to.deep.include({ ok: false, changed: true });
      expect(report.error.code).to.equal('TERMINATED');
      expect(report.agent).to.deep.equal({ id: '001', name: 'web-01', ip: 'any', groups: [] });
      expect(report.warnings.join()).to.include('The group web was not assigned: ');
      expect(await readFile(scratch.keys, 'utf8')).to.equal(line);
    });

    it('ends with exit 7 where the deadline of the run passes', async () => {
      const { code, stdout } = await (await begin('--deadline', '2s')).finished;
      expect(code).to.equal(7);
      const report = JSON.parse(stdout);
      expect(report.error.message).to.include('The key is installed').and.include('deadline');
      expect(report.warnings.join()).to.include('The group web was not assigned: ').and.include('--deadline');
      expect(await readFile(scratch.keys, 'utf8')).to.equal(line);
    });
  });

  it('tells the silence of a Wazuh 5 for what it is', async () => {
    await manager();
    const key = Buffer.from(`001 web-01 any ${'ab'.repeat(32)}`).toString('base64');
    const server = await managerApi(
      '4.14.7',
      { 'GET /': success({ api_version: '5.0.0-beta4' }), 'POST /agents': success({ id: '001', key }) },
      { plain: true },
    );
    try {
      const { code, stdout } = await run(
        [
          ...['--manager', '127.0.0.1:1', '--wait', '300ms', '--api-url', server.url, '--insecure'],
          ...['--api-user', 'wazuh', '--agent-home', scratch.home, '--name', 'web-01', '--json'],
        ],
        { env: { AGENT_ENROLL_API_PASSWORD: 'not-the-one' } },
      );
      expect(code).to.equal(7);
      const { error, changed, manager: asked } = JSON.parse(stdout);
      expect(changed).to.equal(true);
      expect(asked.family).to.equal('wazuh-5');
      expect(error.message).to.include('Wazuh 5').and.include('127.0.0.1:1517');
      expect(error.hint).to.include('The key is installed').and.include('<legacy>');
    } finally {
      await server.close();
    }
  });

  describe('of several managers', () => {
    const nobody = async (...args: string[]) => {
      await manager();
      const { code, stderr } = await run(
        [
          ...['--manager', '127.9.9.1,127.9.9.2', '--api-user', 'wazuh', '--insecure', '--retries', '0'],
          ...['--timeout', '1s', '--agent-home', scratch.home, '--name', 'web-01', ...args],
        ],
        { env: { AGENT_ENROLL_API_PASSWORD: 'not-the-one' } },
      );
      expect(code).to.equal(3);
      expect(stderr).to.include('Method: the REST API (auto: API credentials were given)');
      return stderr;
    };

    it('asks the API of each, and says which did not answer', async () => {
      const stderr = await nobody();
      for (const where of ['127.9.9.1:55000', '127.9.9.2:55000']) {
        expect(stderr).to.include(`Asking the REST API at ${where}`).and.include(`${where}: `);
      }
      expect(stderr).not.to.include(':1515');
    });

    it('asks an API with a URL of its own once', async () => {
      const stderr = await nobody('--api-url', 'https://127.9.9.3:55000');
      expect(stderr.split('Asking the REST API at 127.9.9.3:55000')).to.have.length(2);
      expect(stderr).not.to.include('No manager could be asked');
    });
  });

  it('refuses half of the credentials before anybody is contacted', async () => {
    await manager();
    const { code, stdout } = await run([
      '--manager',
      '127.0.0.1',
      '--api-user',
      'wazuh',
      '--agent-home',
      scratch.home,
      '--json',
    ]);
    expect(code).to.equal(2);
    expect(JSON.parse(stdout).error.message).to.include('--api-password-file');
  });
});
