import { createPrivateKey } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import forge from 'node-forge';
import { Secret } from '../../src/model/secret.js';
import type { DuplicateRules } from '../../src/sandbox/agent-table.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { connectProxy } from '../net/connect-proxy.js';
import { against, run, scratchHome, start } from './program.js';

const PASSWORD = 'xyzzy-plugh-4711';

/** The second run of each pair enrolls anew under the same name. */
const REPLACES_ALL: DuplicateRules = {
  kind: 'replace',
  evenConnected: true,
  disconnectedForMs: 0,
  registeredForMs: 0,
  evenSameKey: false,
};

describe('no secret', function () {
  this.timeout(20_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let passwordFile: string;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
    passwordFile = join(scratch.home, 'given-password');
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, password: new Secret(PASSWORD), keyReloadMs: 200 });
  });
  afterEach(async () => {
    await sandbox.close();
    await scratch.remove();
  });
  after(() => {});

  /** Everything that the runs left on the disk, but for the files that are there to hold a secret. */
  const left = async () => {
    const entries = await readdir(scratch.home, { recursive: true, withFileTypes: true });
    const files = entries.filter(
      (entry) =>
        entry.isFile() &&
        !['client.keys', 'given-password', 'wrong-password', 'agent-enroll.password'].includes(entry.name),
    );
    return (await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'utf8')))).join('\n');
  };
  const key = async () => (await readFile(scratch.keys, 'utf8').catch(() => '')).trim().split(' ')[3];

  const sources: readonly (readonly [
    string,
    () => Promise<{ args?: string[]; env?: Record<string, string>; input?: string }>,
  ])[] = [
    ['a file', async () => ({ args: ['--password-file', passwordFile] })],
    ['standard input', async () => ({ args: ['--password-file', '-'], input: `${PASSWORD}\r\n` })],
    ['the environment', async () => ({ env: { WAZUH_REGISTRATION_PASSWORD: PASSWORD } })],
    ['the command line', async () => ({ args: ['--password', PASSWORD] })],
    [
      'a systemd credential',
      async () => {
        const directory = join(scratch.home, 'credentials');
        await mkdir(directory);
        await writeFile(join(directory, 'agent-enroll.password'), `${PASSWORD}\n`, { mode: 0o600 });
        return { env: { CREDENTIALS_DIRECTORY: directory } };
      },
    ],
  ];
  for (const [what, surroundings] of sources) {
    it(`is printed or left behind by runs with the password from ${what}`, async () => {
      const { args = [], env = {}, input } = await surroundings();
      const common = [...against(sandbox, scratch.home), '--name', 'web-01', ...args];
      const given = { env, ...(input === undefined ? {} : { input }) };
      const outputs: string[] = [];
      for (const extra of [
        ['--verbose'],
        ['--json', '--verbose', '--force'],
        ['--quiet'],
        ['--dry-run'],
        ['--dry-run', '--json'],
      ]) {
        const { stdout, stderr } = await run([...common, ...extra], given);
        outputs.push(stdout, stderr);
      }
      outputs.push((await run(['detect', ...common, '--verbose'], given)).stdout, await left());
      expect(await key(), 'the runs enrolled').to.match(/^[0-9a-f]{64}$/);
      const all = outputs.join('\n');
      expect(all).to.not.include(PASSWORD);
      expect(all).to.not.include(await key());
    });
  }

  it('is printed by runs that fail', async () => {
    const outputs: string[] = [];
    const wrong = `${PASSWORD}-wrong`;
    for (const args of [
      ['--password', wrong, '--verbose'],
      ['--password', wrong, '--json'],
      ['--password', PASSWORD, '--groups', 'nosuch', '--verbose'],
      ['--password', PASSWORD, '--password-file', passwordFile],
      ['--password', PASSWORD, '--pin', `sha256:${'0'.repeat(64)}`, '--json', '--verbose'],
      ['--password', PASSWORD, '--enrollment-port', '1', '--retries', '0', '--verbose'],
      ['--password', `${PASSWORD}\nsecond line`, '--verbose'],
    ]) {
      const { code, stdout, stderr } = await run([...against(sandbox, scratch.home), '--name', 'web-01', ...args]);
      expect(code, args.join(' ')).to.not.equal(0);
      outputs.push(stdout, stderr);
    }
    outputs.push(await left());
    expect(outputs.join('\n')).to.not.include(PASSWORD);
  });

  /** Runs with what prints most, and with what fails; gives all that was printed and left behind. */
  const everything = async (
    args: readonly string[],
    env: Record<string, string>,
    failing: readonly (readonly string[])[],
  ) => {
    const printed: string[] = [];
    for (const extra of [['--verbose'], ['--json', '--verbose', '--force']]) {
      const { code, stdout, stderr } = await run([...args, ...extra], { env });
      expect(code, stderr + stdout).to.equal(0);
      printed.push(stdout, stderr);
    }
    for (const extra of failing) {
      const { code, stdout, stderr } = await run([...args, '--force', '--verbose', ...extra], { env });
      expect(code, extra.join(' ')).to.be.oneOf([2, 3, 4, 5]);
      printed.push(stdout, stderr);
    }
    return [...printed, await left()].join('\n');
  };
  const expectNone = async (all: string, secrets: readonly string[]) => {
    const issued = await key();
    expect(issued, 'the runs enrolled').to.match(/^[0-9a-f]{64}$/);
    for (const secret of [...secrets, issued ?? '']) {
      for (const form of [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]) {
        expect(all).to.not.include(form);
      }
    }
  };

  it('of the API and of a proxy is printed or left behind', async function () {
    this.timeout(40_000);
    const [apiPassword, proxyPassword] = ['Frotz+Ozmoo 1812', 'g/nusto:4812'];
    const target = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 100,
      api: { users: [{ name: 'enroller', password: new Secret(apiPassword), permissions: 'all' }] },
    });
    const proxy = await connectProxy({ credentials: `jill:${proxyPassword}`, local: true });
    try {
      const { agent, api } = target.endpoints;
      const url = (password: string) =>
        `http://jill:${encodeURIComponent(password)}@127.0.0.1:${proxy.settings.endpoint.port}`;
      const args = [
        ...['--manager', `manager.example:${agent.port}`, '--api-url', `https://manager.example:${api?.port}`],
        ...['--agent-home', scratch.home, '--name', 'web-01', '--pin', target.api?.fingerprint ?? ''],
        ...['--api-user', 'enroller'],
      ];
      const env = { HTTPS_PROXY: url(proxyPassword), AGENT_ENROLL_API_PASSWORD: apiPassword };
      const all = await everything(args, env, [
        ['--pin', `sha256:${'0'.repeat(64)}`],
        ['--api-user', 'nobody'],
        ['--groups', 'nosuch'],
        ['--proxy', url(`${proxyPassword}-wrong`)],
        ['--proxy', `http://jill:${proxyPassword}@127.0.0.1:1`],
      ]);
      await expectNone(all, [apiPassword, proxyPassword, `jill:${proxyPassword}`]);
      const asked = proxy.requests.map((head) => /^CONNECT \S+:(\d+)/.exec(head)?.[1]);
      expect(asked, 'through the proxy').to.include.members([String(api?.port), String(agent.port)]);
    } finally {
      await proxy.close();
      await target.close();
    }
  });

  it('of a client certificate is printed or left behind', async function () {
    this.timeout(40_000);
    const passphrase = 'gnomon spatula 77';
    const authority = await issueCertificate({ commonName: 'Test CA', authority: true });
    const client = await issueCertificate({ commonName: 'web-01', issuer: authority });
    const target = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 100,
      clientCa: authority.certificate,
      force: REPLACES_ALL,
    });
    try {
      const path = (name: string) => join(scratch.home, name);
      const privateKey = createPrivateKey(client.key.reveal());
      const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
      const bundle = forge.pkcs12.toPkcs12Asn1(
        forge.pki.privateKeyFromPem(client.key.reveal()),
        [forge.pki.certificateFromPem(client.certificate)],
        passphrase,
        { algorithm: '3des' },
      );
      await writeFile(path('client.pem'), client.certificate);
      await writeFile(path('client.key'), locked);
      await writeFile(path('client.p12'), Buffer.from(forge.asn1.toDer(bundle).getBytes(), 'latin1'));
      await writeFile(passwordFile, `${passphrase}\n`, { mode: 0o600 });
      await writeFile(path('wrong-password'), `${passphrase}-wrong\n`);
      const first = client.key.reveal().split('\n')[1] ?? '';
      for (const files of [
        ['--cert', path('client.pem'), '--key', path('client.key')],
        ['--cert', path('client.p12')],
      ]) {
        const args = [...against(target, scratch.home), '--name', `web-${files.length}`, ...files];
        const all = await everything([...args, '--key-passphrase-file', passwordFile], {}, [['--groups', 'nosuch']]);
        const wrong = await run([...args, '--key-passphrase-file', path('wrong-password'), '--verbose']);
        expect(wrong.code, wrong.stderr).to.equal(2);
        await expectNone(`${all}${wrong.stdout}${wrong.stderr}`, [passphrase, first]);
      }
    } finally {
      await target.close();
    }
  });

  it('stands in the list of processes while the program runs', async function () {
    if (process.platform !== 'linux') this.skip();
    const slow = await startSandbox({
      family: 'wazuh-4',
      certificate,
      password: new Secret(PASSWORD),
      keyReloadMs: 60_000,
    });
    try {
      const program = start([...against(slow, scratch.home), '--name', 'web-01', '--password', PASSWORD]);
      await program.said('Waiting for the manager to acknowledge');
      const shown = await readFile(`/proc/${program.pid}/cmdline`, 'utf8');
      program.signal('SIGTERM');
      const { code } = await program.finished;
      expect(code).to.equal(143);
      expect(shown).to.include('agent-enroll').and.to.not.include(PASSWORD);
    } finally {
      await slow.close();
    }
  });
});
