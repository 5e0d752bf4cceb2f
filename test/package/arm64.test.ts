import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { built, LINUX_ARM64, onPath, run, skipped, where } from './binaries.js';

/** Where Debian's packages libc6-arm64-cross and libstdc++6-arm64-cross put the runtime of that processor. */
const RUNTIME = '/usr/aarch64-linux-gnu';
const native = process.arch === 'arm64' && process.platform === 'linux';
const missing = skipped({
  ...built(LINUX_ARM64),
  'qemu-aarch64-static of qemu-user-static': native || onPath('qemu-aarch64-static'),
  'libc6-arm64-cross': native || existsSync(join(RUNTIME, 'lib', 'ld-linux-aarch64.so.1')),
  'libstdc++6-arm64-cross': native || existsSync(join(RUNTIME, 'lib', 'libstdc++.so.6')),
});

(missing === '' ? describe : describe.skip)(`the binary for arm64${missing}`, function () {
  this.timeout(60_000);
  const binary = (...args: readonly string[]) =>
    native
      ? run(LINUX_ARM64, args)
      : run(where('qemu-aarch64-static') ?? '', ['-L', RUNTIME, LINUX_ARM64, ...args], {});

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
