import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run } from '../e2e/program.js';
import { makeFilter, NO_SECCOMP } from './seccomp.js';

const UNIT = fileURLToPath(new URL('../../deploy/systemd/agent-enroll.service', import.meta.url));
const EXIT_OF_A_FAULT = 1;

/** The built program under the system call filter of the unit that is shipped, where no systemd runs. */
describe(`under the filter of the unit${NO_SECCOMP === undefined ? '' : ` (not here: ${NO_SECCOMP})`}`, function () {
  this.timeout(60_000);
  let certificate: IssuedCertificate;
  let https: HttpsCertificates;
  let directory: string;
  let filter: string;

  before(async function () {
    if (NO_SECCOMP !== undefined) this.skip();
    certificate = await issueStockCertificate();
    https = await issueHttpsCertificates();
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-seccomp-'));
    filter = await makeFilter(UNIT, directory);
  });
  after(async () => {
    if (NO_SECCOMP === undefined) await rm(directory, { recursive: true, force: true });
  });

  const homeFor = async (name: string) => {
    const home = join(directory, name);
    await mkdir(join(home, 'etc'), { recursive: true });
    return home;
  };

  it('what it does not allow is refused', () => {
    const call = (script: string) =>
      spawnSync(filter, ['python3', '-c', `import ctypes, os, socket\n${script}`]).status;
    if (spawnSync('python3', ['--version']).status !== 0) return;
    expect(call('os.getpid()')).to.equal(0);
    expect(call("os.chroot('/')"), 'chroot').to.equal(EXIT_OF_A_FAULT);
    expect(call('socket.socket(socket.AF_PACKET)'), 'a socket of another family').to.equal(EXIT_OF_A_FAULT);
    expect(call('socket.socket(socket.AF_INET)'), 'a socket of a family that it names').to.equal(0);
  });

  for (const family of ['wazuh-4', 'wazuh-3', 'ossec'] as const) {
    it(`enrolls, checks and exports: ${family}`, async () => {
      const home = await homeFor(family);
      const sandbox = await startSandbox({ family, certificate, keyReloadMs: 50 });
      try {
        const through = [filter];
        const common = [...against(sandbox, home), '--json'];
        const enrolled = await run([...common, '--name', 'web-01', '--splay', '10ms'], { through });
        expect(enrolled.code, enrolled.stdout + enrolled.stderr).to.equal(0);
        expect(JSON.parse(enrolled.stdout).warnings ?? []).to.deep.equal([]);
        expect(sandbox.agents()).to.have.length(1);
        const again = await run([...common, '--name', 'web-01'], { through });
        expect(JSON.parse(again.stdout)).to.include({ ok: true, changed: false });
        const exported = await run(['export', '-', '--agent-home', home], { through });
        expect(exported.code, exported.stderr).to.equal(0);
      } finally {
        await sandbox.close();
      }
    });
  }

  it('enrolls with a Wazuh 5, all that belongs to its key in place', async () => {
    const home = await homeFor('wazuh-5');
    const sandbox = await startHttpsSandbox({ certificates: https });
    try {
      const env = { WAZUH_ENROLLMENT_TOKEN: sandbox.mintToken().text.reveal() };
      const args = ['--agent-home', home, '--json', '--name', 'web-01'];
      const { code, stdout, stderr } = await run(args, { through: [filter], env });
      expect(code, stdout + stderr).to.equal(0);
      expect(await readFile(join(home, 'etc', 'client.keys'), 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
    } finally {
      await sandbox.close();
    }
  });
});
