import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox } from '../../src/sandbox/https/options.js';
import { run, type Surroundings, scratchHome, start } from './program.js';

const PASSWORD = 'xyzzy-plugh-4711';

describe('an enrollment token, as it is run', function () {
  this.timeout(30_000);
  let certificates: HttpsCertificates;
  let sandbox: HttpsSandbox;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let token: string;
  let tokenFile: string;

  before(async () => {
    certificates = await issueHttpsCertificates();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
    sandbox = await startHttpsSandbox({ certificates, password: new Secret(PASSWORD) });
    token = sandbox.mintToken().text.reveal();
    tokenFile = join(scratch.home, 'given-token');
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  });
  afterEach(async () => {
    await sandbox.close();
    await scratch.remove();
  });

  const HOLD_SECRETS = new Set(['client.keys', 'reenroll.secret', 'given-token', 'agent-enroll.token']);
  /** Everything that the runs left on the disk, but for the files that are there to hold a secret. */
  const left = async () => {
    const entries = await readdir(scratch.home, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !HOLD_SECRETS.has(entry.name));
    return (await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')))).join('\n');
  };
  /** The token, and its credential in each form in which a manager or a program could repeat it. */
  const secrets = () => {
    const { key }: { readonly key: string } = JSON.parse(Buffer.from(token, 'base64url').toString());
    const secret = Buffer.from(key, 'base64url').subarray(16);
    return [token, token.slice(20), key, secret.toString('hex'), secret.toString('base64url')];
  };
  const expectNone = (all: string) => {
    for (const secret of secrets()) expect(all).to.not.include(secret);
  };
  const common = () => ['--agent-home', scratch.home, '--name', 'web-01', '--retries', '0', '--wait', '5'];

  const sources: readonly (readonly [string, () => Promise<Surroundings & { readonly args?: readonly string[] }>])[] = [
    ['a file', async () => ({ args: ['--token-file', tokenFile] })],
    ['standard input', async () => ({ args: ['--token-file', '-'], input: `${token}\r\n` })],
    ['the environment', async () => ({ env: { WAZUH_ENROLLMENT_TOKEN: token } })],
    [
      'a systemd credential',
      async () => {
        const directory = join(scratch.home, 'credentials');
        await mkdir(directory);
        await writeFile(join(directory, 'agent-enroll.token'), `${token}\n`, { mode: 0o600 });
        return { env: { CREDENTIALS_DIRECTORY: directory } };
      },
    ],
  ];
  for (const [what, surroundings] of sources) {
    it(`from ${what} is printed nowhere and left behind nowhere, by runs that work and by runs that fail`, async () => {
      const { args = [], ...given } = await surroundings();
      const outputs: string[] = [];
      for (const [extra, code] of [
        [['--dry-run', '--json'], 0],
        [['--verbose'], 0],
        [['--json', '--verbose', '--force'], 0],
        [['--manager', 'other.example', '--json'], 2],
        [['--pin', `sha256:${'0'.repeat(64)}`, '--verbose'], 2],
        [['--groups', 'nosuch', '--force', '--verbose'], 5],
      ] as const) {
        const ended = await run([...common(), ...args, ...extra], given);
        expect(ended.code, `${extra.join(' ')}: ${ended.stderr}`).to.equal(code);
        outputs.push(ended.stdout, ended.stderr);
      }
      outputs.push((await run(['detect', '--agent-home', scratch.home, ...args], given)).stdout, await left());
      expectNone(outputs.join('\n'));
    });
  }

  it('that an installer has left is used once', async () => {
    const installed = join(scratch.home, 'etc', 'enrollment_token');
    await writeFile(installed, token, { mode: 0o600 });
    const detected = await run(['detect', '--agent-home', scratch.home, '--json']);
    expect(detected.code, detected.stderr).to.equal(0);
    expect(JSON.parse(detected.stdout).detected).to.deep.include({
      name: '--token-file',
      value: `for ${sandbox.url}/, with a credential, trust by the pin of a CA`,
      origin: installed,
    });
    const { code, stdout } = await run([...common(), '--json']);
    expect(code, stdout).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ changed: true, method: 'https' });
    expectNone(detected.stdout + stdout);
  });

  it('is not repeated where it stands among the arguments', async () => {
    for (const args of [
      [token],
      ['--token', token],
      ['--token-file', token],
      ['--manager', token, '--json'],
      ['enroll', token],
      ['import', token],
    ]) {
      const { code, stdout, stderr } = await run(args);
      expect(code).to.equal(2);
      expect(stdout + stderr).to.include('There is an enrollment token among the arguments.');
      expectNone(stdout + stderr);
    }
    const variable = await run(['--agent-home', scratch.home], { env: { WAZUH_MANAGER: token } });
    expect(variable.code).to.equal(2);
    expect(variable.stderr).to.include('WAZUH_MANAGER: it is an enrollment token, not HOST');
    expectNone(variable.stderr);
  });

  it('stands in no list of processes', async function () {
    if (process.platform !== 'linux') this.skip();
    await sandbox.stopRemoted();
    const args = ['--agent-home', scratch.home, '--name', 'web-01', '--retries', '9'];
    const program = start(args, { env: { WAZUH_ENROLLMENT_TOKEN: token } });
    await program.said('Trying again');
    const shown = await readFile(`/proc/${program.pid}/cmdline`, 'utf8');
    program.signal('SIGTERM');
    const { code, stdout, stderr } = await program.finished;
    expect(code, stderr).to.equal(143);
    expect(shown).to.include('agent-enroll');
    expectNone(shown + stdout + stderr);
  });

  it('is refused together with what contradicts it, with both named, before anybody is contacted', async () => {
    await sandbox.stopRemoted();
    for (const [args, said] of [
      [['--ca', tokenFile], '--ca: it contradicts the enrollment token (--token-file)'],
      [['--insecure'], '--insecure: it contradicts the enrollment token (--token-file)'],
      [['--password', PASSWORD], '--password: it contradicts the enrollment token (--token-file)'],
      [
        ['--manager', 'https://127.0.0.1:1'],
        '--manager: it names https://127.0.0.1:1, and the enrollment token (--token-file)',
      ],
      [['--method', 'authd'], '--method: it contradicts the enrollment token (--token-file)'],
      [['--port', '1514'], '--port: it is for managers before Wazuh 5'],
    ] as const) {
      const { code, stdout } = await run([...common(), '--json', '--token-file', tokenFile, ...args]);
      expect(code, args.join(' ')).to.equal(2);
      const { error } = JSON.parse(stdout);
      expect(error.code).to.equal('SETTING_INVALID');
      expect(error.message).to.include(said);
      expect(error.message).to.not.include(PASSWORD);
    }
  });
});
