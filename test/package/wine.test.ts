import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { built, onPath, skipped, WINDOWS } from './binaries.js';
import { startWine, type Wine, windowsPath } from './wine.js';

const MINUTE = 60_000;
const missing = skipped({ ...built(WINDOWS), wine: onPath('wine') });

(missing === '' ? describe : describe.skip)(`the Windows binary, under Wine${missing}`, function () {
  this.timeout(2 * MINUTE);
  let wine: Wine;
  const run = (...args: readonly string[]) => wine.run(args);

  before(async () => {
    wine = await startWine();
  });
  after(async () => {
    await wine.close();
  });

  it('says its version and its help', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await run('--version')).to.deep.equal({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const { code, stdout } = await run('--help');
    expect(code).to.equal(0);
    expect(stdout).to.include('agent-enroll').and.to.include('--manager');
  });

  it('detects with the paths of Windows', async () => {
    const { code, stdout, stderr } = await run('detect', '--json');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(JSON.parse(stdout).detected).to.deep.include({
      name: 'present key',
      value: 'none',
      origin: 'C:\\Program Files (x86)\\ossec-agent\\client.keys',
    });
  });

  it('ends with the exit code of the fault, which it tells on the standard error alone', async () => {
    const wrong = await run('--no-such-option');
    expect(wrong).to.include({ code: 2, stdout: '' });
    expect(wrong.stderr).to.include('such-option');
    const unreachable = ['--manager', '127.0.0.1:1', '--enrollment-port', '1', '--retries', '0'];
    const refused = await run(
      ...unreachable,
      '--agent-home',
      windowsPath(join(wine.directory, 'refused')),
      '--name',
      'web',
    );
    expect(refused.code).to.equal(3);
    expect(refused.stdout).to.equal('');
    expect(refused.stderr).to.include('CONNECTION_REFUSED');
  });

  it('retires: the agent is deleted, the key set aside; a second run has nothing to do', async () => {
    const certificate = await issueStockCertificate();
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 1, api: {} });
    try {
      const { agent, authd, api } = sandbox.endpoints;
      const home = join(wine.directory, 'retired');
      const password = join(wine.directory, 'api-password');
      await writeFile(password, 'retire\n', { mode: 0o600 });
      const at = ['--agent-home', windowsPath(home)];
      const link = ['--manager', `${agent.host}:${agent.port}`, '--enrollment-port', String(authd.port)];
      const first = await run(...link, ...at, '--name', 'win-02');
      expect(first.code, first.stderr).to.equal(0);

      const mute = await run('retire', ...at);
      expect(mute.code, mute.stderr).to.equal(2);
      expect(mute.stderr).to.include('API_CREDENTIALS_MISSING');
      const asking = ['retire', ...at, '--api-url', `https://${api?.host}:${api?.port}`, '--api-user', 'retire'];
      const trusting = [
        ...asking,
        '--api-password-file',
        windowsPath(password),
        '--pin',
        sandbox.api?.fingerprint ?? '',
      ];
      const retired = await run(...trusting);
      expect(retired.code, retired.stderr).to.equal(0);
      expect(sandbox.agents()).to.deep.equal([]);
      expect(await readdir(home))
        .to.include('client.keys.retired')
        .and.to.not.include('client.keys');
      const again = await run(...trusting);
      expect(again.code, again.stderr).to.equal(0);
    } finally {
      await sandbox.close();
    }
  });

  it('enrolls into a directory with a space, proves the link, and checks it', async () => {
    const sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate: await issueStockCertificate(),
      keyReloadMs: 300,
    });
    try {
      const { agent, authd } = sandbox.endpoints;
      const home = join(wine.directory, 'ossec agent');
      const link = ['--manager', `${agent.host}:${agent.port}`, '--agent-home', windowsPath(home), '--json'];
      const args = [...link, '--enrollment-port', String(authd.port), '--name', 'win-01'];
      const first = await run(...args);
      expect(first.code, first.stdout + first.stderr).to.equal(0);
      const report = JSON.parse(first.stdout);
      expect(report).to.deep.include({ ok: true, changed: true });
      expect(report.keysFile).to.equal(`${windowsPath(home)}\\client.keys`);
      expect(report.link).to.include({ protocol: 'tcp', cipher: 'aes' });
      expect(await readFile(join(home, 'client.keys'), 'utf8')).to.match(/^001 win-01 any [0-9a-f]{64}\r?\n$/);
      expect((await readdir(home)).sort()).to.include.members(['client.keys', 'rids']);

      const check = await run('check', ...link);
      expect(check.code, check.stdout + check.stderr).to.equal(0);
      const again = await run(...args);
      expect(JSON.parse(again.stdout)).to.deep.include({ ok: true, changed: false });
    } finally {
      await sandbox.close();
    }
  });
});
