import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { ARM64_NEEDS, runArm64 } from './arm64.js';
import { skipped } from './binaries.js';

const missing = skipped(ARM64_NEEDS);

(missing === '' ? describe : describe.skip)(`the binary for arm64${missing}`, function () {
  this.timeout(60_000);
  const binary = (...args: readonly string[]) => runArm64(args);

  it('starts', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await binary('--version')).to.deep.equal({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('enrolls and proves the link', async () => {
    const home = await mkdtemp(join(tmpdir(), 'agent-enroll-arm64-'));
    const sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate: await issueStockCertificate(),
      keyReloadMs: 300,
    });
    try {
      const { agent, authd } = sandbox.endpoints;
      const { code, stdout, stderr } = await binary(
        ...['--manager', `${agent.host}:${agent.port}`, '--enrollment-port', String(authd.port)],
        ...['--agent-home', home, '--name', 'arm-01', '--json'],
      );
      expect(code, stdout + stderr).to.equal(0);
      expect(JSON.parse(stdout)).to.deep.include({ ok: true, changed: true });
    } finally {
      await sandbox.close();
      await rm(home, { recursive: true, force: true });
    }
  });
});
