import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/certificate.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { run, scratchHome } from './program.js';

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
        ...['--agent-home', scratch.home, '--name', 'web-01', '--json', ...args],
      ]);
      expect(stdout).to.not.include(password === user ? '"password"' : password);
      return { code, report: JSON.parse(stdout) };
    };
    return { enroll, pin: ['--pin', api.fingerprint ?? ''] };
  };

  for (const [family, user, password] of [
    ['wazuh-4', 'wazuh', 'wazuh'],
    ['wazuh-3', 'foo', 'bar'],
  ] as const) {
    it(`enrolls and proves the link (${family})`, async () => {
      const { enroll, pin } = await manager({ family });
      const { code, report } = await enroll(user, password, ...pin, '--groups', 'web');
      expect(report.error).to.equal(undefined);
      expect(code).to.equal(0);
      expect(report).to.deep.include({ ok: true, changed: true, method: 'api' });
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
