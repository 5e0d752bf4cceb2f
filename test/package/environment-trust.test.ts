import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { certificates } from '../net/certificates.js';
import { connectProxy } from '../net/connect-proxy.js';
import { built, LINUX_X64, run, skipped } from './binaries.js';

const missing = skipped({
  ...built(LINUX_X64),
  'Linux on x64': process.platform === 'linux' && process.arch === 'x64',
});

(missing === '' ? describe : describe.skip)(`whom the binary trusts${missing}`, function () {
  this.timeout(30_000);
  let directory: string;
  let file: string;
  let sandbox: Sandbox;
  let runs = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-trust-'));
    await mkdir(join(directory, 'roots'));
    file = join(directory, 'roots', 'ca.pem');
    await writeFile(file, certificates().ca.certificate);
    const { certificate, key } = certificates().server;
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate: { certificate, key: new Secret(key) },
      keyReloadMs: 300,
    });
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    await sandbox.close();
  });

  /** Enrolls through the API, whose certificate is signed by a CA that nobody has named. */
  const enroll = (env: NodeJS.ProcessEnv, ...args: readonly string[]) => {
    const { agent } = sandbox.endpoints;
    const manager = ['--manager', `${agent.host}:${agent.port}`, '--api-url', sandbox.api?.url ?? '', '--retries', '0'];
    const name = `web-${runs++}`;
    const host = ['--agent-home', join(directory, name), '--name', name, '--json'];
    const credentials = { AGENT_ENROLL_API_USER: 'wazuh', AGENT_ENROLL_API_PASSWORD: 'wazuh' };
    return run(LINUX_X64, [...manager, ...host, ...args], { ...credentials, ...env });
  };
  const untrusted = async (env: NodeJS.ProcessEnv) => {
    const { code, stdout } = await enroll(env);
    expect(code, stdout).to.equal(4);
    expect(JSON.parse(stdout).error).to.include({ code: 'CERTIFICATE_UNTRUSTED' });
  };

  it('is not for NODE_EXTRA_CA_CERTS to say', () => untrusted({ NODE_EXTRA_CA_CERTS: file }));

  it('is not for NODE_USE_SYSTEM_CA and SSL_CERT_FILE to say', () =>
    untrusted({ NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: file }));

  it('is not for NODE_USE_SYSTEM_CA and SSL_CERT_DIR to say', () =>
    untrusted({ NODE_USE_SYSTEM_CA: '1', SSL_CERT_DIR: join(directory, 'roots') }));

  it('is not for NODE_TLS_REJECT_UNAUTHORIZED to say, of a proxy either', async () => {
    const proxy = await connectProxy({ identity: certificates().server, credentials: 'web:secret' });
    try {
      const url = `https://web:secret@127.0.0.1:${proxy.settings.endpoint.port}`;
      const { code, stdout, stderr } = await enroll({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, '--proxy', url);
      expect(proxy.requests).to.deep.equal([]);
      expect(code, stdout).to.equal(4);
      expect(JSON.parse(stdout).error).to.include({ code: 'CERTIFICATE_UNTRUSTED' });
      expect(stderr).to.not.include('NODE_TLS_REJECT_UNAUTHORIZED');
    } finally {
      await proxy.close();
    }
  });

  it('is for the user to say, in a variable too', async () => {
    const { code, stdout } = await enroll({ WAZUH_REGISTRATION_CA: file });
    expect(code, stdout).to.equal(0);
    expect(JSON.parse(stdout).trust).to.include({ by: 'ca' });
  });
});
