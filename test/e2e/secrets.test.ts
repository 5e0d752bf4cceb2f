import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/certificate.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { Secret } from '../../src/secret.js';
import { against, run, scratchHome, start } from './program.js';

const PASSWORD = 'xyzzy-plugh-4711';

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
      (entry) => entry.isFile() && !['client.keys', 'given-password', 'agent-enroll.password'].includes(entry.name),
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
