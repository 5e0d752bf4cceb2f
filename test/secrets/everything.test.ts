import { createPrivateKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { issueCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { Surroundings } from '../e2e/program.js';
import { connectProxy } from '../net/connect-proxy.js';
import { findingsIn, leftBelow, type Trace, traced } from './traces.js';

/** Everybody who may enroll here, and with what. None of it stands in anything else. */
const SECRETS = {
  'the enrollment password': 'Xyzzy plugh 4711',
  'a wrong password': 'Zorkmid+ubar 4712',
  'the password of the API': 'Frotz+Ozmoo 1812',
  'the password of the proxy': 'g/nusto:4812',
  'the passphrase of the key': 'gnomon spatula 77',
  'a key that is imported': 'c0ffee5eed'.repeat(6).padEnd(64, '7'),
};
/** What is there to hold a secret: what the test gives, what the agent needs, and what was asked for. */
const BELONGS = /(^|\/)(given-[^/]*|client\.keys|reenroll\.secret|exported|agent-enroll\.(password|token))$/;
const ENDED = 143;

/**
 * Every command, with secrets of every kind from every place, and with every kind of end. Then all that it printed, all
 * that lies below its homes and its temporary directory, and all that could be seen of its processes is searched.
 */
describe(`a secret${process.platform === 'linux' ? '' : ' (not here: needs /proc)'}`, function () {
  this.timeout(180_000);
  const traces: Trace[] = [];
  const secrets: Record<string, string> = { ...SECRETS };
  let directory: string;
  let commands = 0;

  before(async function () {
    if (process.platform !== 'linux') this.skip();
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-secrets-'));
    await mkdir(join(directory, 'tmp'));
  });
  after(async () => {
    if (directory === undefined) return;
    await rm(directory, { recursive: true, force: true });
    process.stdout.write(
      `\n${commands} commands, ${traces.length} places searched for ${Object.keys(secrets).length} secrets\n`,
    );
  });

  const homeOf = async (name: string) => {
    const home = join(directory, name);
    await mkdir(join(home, 'etc'), { recursive: true });
    return home;
  };
  const given = async (name: string, text: string | Buffer) => {
    const path = join(directory, `given-${name}`);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const run = async (args: readonly string[], code: number, surroundings: Surroundings = {}, endAt?: string) => {
    const env = { TMPDIR: join(directory, 'tmp'), ...surroundings.env };
    const { finished, traces: seen } = await traced(args, { ...surroundings, env }, endAt);
    expect(finished.code, `${args.join(' ')}: ${finished.stderr}${finished.stdout}`).to.equal(code);
    commands += 1;
    // Whoever gives a secret as an argument shows it until the program has covered it.
    const shown = args.some((arg) => Object.values(secrets).some((secret) => arg.includes(secret)));
    traces.push(...seen.filter(({ where }) => !(shown && where.startsWith('cmdline'))));
  };
  const keepKey = async (home: string) => {
    const key = (await readFile(join(home, 'etc', 'client.keys'), 'utf8')).trim().split(' ')[3] ?? '';
    expect(key).to.match(/^[0-9a-f]{64}$/);
    secrets[`a key that was issued (${Object.keys(secrets).length})`] = key;
  };
  const expectNone = async () => {
    traces.push(...(await leftBelow(directory, (path) => BELONGS.test(path))));
    expect(findingsIn(traces, secrets)).to.deep.equal([]);
  };
  const manager = async (options: Partial<SandboxOptions>) =>
    await startSandbox({
      family: 'wazuh-4',
      certificate: await issueStockCertificate(),
      keyReloadMs: 50,
      force: { kind: 'replace', evenConnected: true, disconnectedForMs: 0, registeredForMs: 0, evenSameKey: true },
      ...options,
    });

  it('of authd is nowhere but where it belongs', async () => {
    const password = SECRETS['the enrollment password'];
    const sandbox = await manager({ password: new Secret(password) });
    try {
      const home = await homeOf('authd');
      const { agent, authd } = sandbox.endpoints;
      // A name, so that it is looked up, in a process of its own.
      const at = [
        '--manager',
        `localhost:${agent.port}`,
        '--enrollment-port',
        String(authd.port),
        '--agent-home',
        home,
      ];
      const common = [...at, '--name', 'web-01', '--retries', '0'];
      const file = await given('password', `${password}\n`);
      const wrong = await given('wrong', `${SECRETS['a wrong password']}\n`);
      const credentials = join(directory, 'credentials');
      await mkdir(credentials);
      await writeFile(join(credentials, 'agent-enroll.password'), password);
      const sources: readonly (readonly [readonly string[], Surroundings])[] = [
        [['--password-file', file], {}],
        [['--password-file', '-'], { input: `${password}\n` }],
        [['--password', password], {}],
        [[], { env: { WAZUH_REGISTRATION_PASSWORD: password } }],
        [[], { env: { CREDENTIALS_DIRECTORY: credentials } }],
      ];
      for (const [args, surroundings] of sources) {
        await run(['enroll', ...common, ...args, '--force', '--verbose'], 0, surroundings);
        await keepKey(home);
        await run(['detect', ...common, ...args, '--verbose'], 0, surroundings);
      }
      await run(['enroll', ...common, '--password-file', file, '--json', '--verbose'], 0);
      await run(['enroll', ...common, '--password-file', file, '--dry-run', '--json'], 0);
      await run(['enroll', ...common, '--password-file', wrong, '--force', '--verbose'], 5);
      await run(['enroll', ...common, '--password', SECRETS['a wrong password'], '--force', '--json'], 5);
      await run(['enroll', ...common, '--password', `${password}\nagain`, '--force'], 2);
      await run(['enroll', ...common, '--password-file', file, '--force', '--pin', `sha256:${'0'.repeat(64)}`], 4);
      await run(['enroll', ...common, '--password-file', file, '--force', '--groups', 'nosuch', '--verbose'], 5);
      const nobody = ['--manager', 'localhost:1', '--enrollment-port', '1', '--agent-home', home, '--retries', '0'];
      await run(['enroll', ...nobody, '--password-file', file, '--force', '--verbose'], 3);
      await run(['check', ...at, '--verbose'], 0);
      await run(['check', ...at, '--json'], 0);
      await run(['export', '--agent-home', home, join(directory, 'exported'), '--verbose'], 0);
      await keepKey(home);
      for (const { id } of sandbox.agents()) sandbox.removeAgent(id);
      await sandbox.restartRemoted();
      await run(['check', ...at, '--wait', '1', '--verbose'], 7);
      const waiting = ['enroll', ...common, '--password-file', file, '--force', '--verbose'];
      await sandbox.stopRemoted();
      await run(waiting, ENDED, {}, 'Waiting for the manager');
      await run([...waiting, '--deadline', '2', '--json'], 7);
      await keepKey(home);
      await expectNone();
    } finally {
      await sandbox.close();
    }
  });

  it('of the API, of a proxy and of an import is nowhere but where it belongs', async () => {
    const [apiPassword, proxyPassword] = [SECRETS['the password of the API'], SECRETS['the password of the proxy']];
    const user = { name: 'enroller', password: new Secret(apiPassword), permissions: 'all' } as const;
    const sandbox = await manager({ api: { users: [user] } });
    const proxy = await connectProxy({ credentials: `jill:${proxyPassword}`, local: true });
    try {
      const home = await homeOf('api');
      const { agent, api } = sandbox.endpoints;
      const url = (of: string) => `http://jill:${encodeURIComponent(of)}@127.0.0.1:${proxy.settings.endpoint.port}`;
      const at = ['--manager', `manager.example:${agent.port}`, '--agent-home', home];
      const pin = ['--pin', sandbox.api?.fingerprint ?? ''];
      const common = [...at, '--api-url', `https://manager.example:${api?.port}`, ...pin, '--name', 'web-02'];
      const env = { HTTPS_PROXY: url(proxyPassword), AGENT_ENROLL_API_PASSWORD: apiPassword };
      const by = ['--api-user', 'enroller', '--retries', '0'];
      await run(['enroll', ...common, ...by, '--verbose'], 0, { env });
      await keepKey(home);
      await run(['detect', ...common, ...by], 0, { env });
      await run(['check', ...at, '--json', '--verbose'], 0, { env });
      const retiring = ['retire', '--agent-home', home, ...pin, '--api-url', `https://manager.example:${api?.port}`];
      await run([...retiring, '--verbose'], 2, { env: { HTTPS_PROXY: env.HTTPS_PROXY } });
      await run([...retiring, '--api-user', 'nobody', '--verbose'], 5, { env });
      await run([...retiring, ...by, '--json', '--verbose'], 0, { env });
      await run([...retiring, ...by, '--verbose'], 0, { env });
      await rm(join(home, 'etc', 'client.keys.retired'));
      await run(['enroll', ...common, ...by, '--verbose'], 0, { env });
      await keepKey(home);
      await run(['enroll', ...common, '--api-user', 'nobody', '--force', '--verbose', '--retries', '0'], 5, { env });
      const badProxy = { env: { ...env, HTTPS_PROXY: url(SECRETS['a wrong password']) } };
      await run(['enroll', ...common, ...by, '--force', '--verbose'], 3, badProxy);
      const key = SECRETS['a key that is imported'];
      const record = sandbox.addAgent({ name: 'web-03', key: new Secret(key) });
      await sandbox.restartRemoted();
      const line = Buffer.from(`${record.id} web-03 any ${key}`).toString('base64');
      const target = ['import', '--manager', `127.0.0.1:${agent.port}`, '--agent-home', await homeOf('import')];
      await run([...target, '--verbose', '-'], 0, { input: `${line}\n` });
      await run([...target, '--json', await given('key', `${line}\n`)], 0);
      await run([...target, '--json', '-'], 2, { input: `${line.slice(0, 40)}\n` });
      await expectNone();
    } finally {
      await proxy.close();
      await sandbox.close();
    }
  });

  it('of a client certificate is nowhere but where it belongs', async () => {
    const passphrase = SECRETS['the passphrase of the key'];
    const authority = await issueCertificate({ commonName: 'Test CA', authority: true });
    const client = await issueCertificate({ commonName: 'web-04', issuer: authority });
    const sandbox = await manager({ clientCa: authority.certificate });
    try {
      const home = await homeOf('certificate');
      const pem = client.key.reveal();
      secrets['the private key'] = pem.split('\n')[1] ?? '';
      const locked = createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
      const { agent, authd } = sandbox.endpoints;
      const common = ['enroll', '--manager', `127.0.0.1:${agent.port}`, '--enrollment-port', String(authd.port)];
      const cert = ['--cert', await given('certificate', client.certificate)];
      const open = [...common, '--agent-home', home, '--name', 'web-04', '--retries', '0', '--verbose', ...cert];
      const args = [...open, '--key', await given('lock', locked)];
      await run([...args, '--key-passphrase-file', await given('passphrase', `${passphrase}\n`)], 0);
      await keepKey(home);
      await run([...args, '--key-passphrase-file', await given('wrong', SECRETS['a wrong password'])], 2);
      await run([...open, '--force', '--key', await given('open', pem), '--groups', 'nosuch'], 5);
      await expectNone();
    } finally {
      await sandbox.close();
    }
  });

  it('of a Wazuh 5 is nowhere but where it belongs', async () => {
    const password = SECRETS['the enrollment password'];
    const certificates = await issueHttpsCertificates();
    const sandbox = await startHttpsSandbox({ certificates, password: new Secret(password) });
    try {
      const home = await homeOf('wazuh-5');
      const common = ['--agent-home', home, '--name', 'web-05', '--retries', '0', '--wait', '5'];
      for (const extra of [['--verbose'], ['--json', '--verbose', '--force']]) {
        const token = sandbox.mintToken().text.reveal();
        secrets[`a token (${Object.keys(secrets).length})`] = token;
        const { key }: { readonly key: string } = JSON.parse(Buffer.from(token, 'base64url').toString());
        secrets[`the credential in a token (${Object.keys(secrets).length})`] = key;
        await run(['enroll', ...common, ...extra], 0, { env: { WAZUH_ENROLLMENT_TOKEN: token } });
        await keepKey(home);
        const file = ['--token-file', await given('token', token)];
        await run(['detect', '--agent-home', home, ...file], 0);
        await run(['enroll', ...common, ...file, '--manager', 'other.example', '--json'], 2);
        await run(['enroll', ...common, ...file, '--groups', 'nosuch', '--force', '--verbose'], 5);
        await run(['enroll', ...common, token], 2);
      }
      const kept = await readFile(join(home, 'etc', 'reenroll.secret'), 'utf8').catch(() => '');
      if (kept !== '') secrets['a re-enrollment secret'] = kept.trim().split(' ')[1] ?? kept.trim();
      await run(['check', '--agent-home', home, '--manager', `https://127.0.0.1:${sandbox.endpoints.https.port}`], 0);
      await expectNone();
    } finally {
      await sandbox.close();
    }
  });

  it('would be found in each form, in each place', async () => {
    const secret = { it: SECRETS['the enrollment password'] };
    const forms = [secret.it, 'WHl6enkgcGx1Z2ggNDcxMQ', '58797a7a7920706c7567682034373131', 'Xyzzy%20plugh%204711'];
    for (const form of forms) expect(findingsIn([{ where: 'here', text: `<${form}>` }], secret)).to.not.be.empty;
    const program = [
      '-e',
      "require('node:child_process').execFileSync('sleep', ['0.3', '0'], { env: { IT: 'xyzzy' } })",
    ];
    const through = [process.execPath, ...program];
    const { traces: seen } = await traced([], { through });
    expect(seen.filter(({ where }) => where.startsWith('environ')).map(({ text }) => text)).to.include('IT=xyzzy\0');
    expect(seen.some(({ where, text }) => where.startsWith('cmdline') && text.startsWith('sleep\0'))).to.equal(true);
  });
});
