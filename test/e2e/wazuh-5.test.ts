import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox, HttpsSandboxOptions } from '../../src/sandbox/https/options.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { run, type Surroundings, scratchHome } from './program.js';

const PASSWORD = 'correct horse';

describe('a Wazuh 5, as a user enrolls with it', function () {
  this.timeout(30_000);
  let certificates: HttpsCertificates;
  let sandbox: HttpsSandbox | undefined;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let events: SandboxEvent[] = [];

  before(async () => {
    certificates = await issueHttpsCertificates();
  });
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
    await scratch.remove();
  });

  const manager = async (options: Partial<HttpsSandboxOptions> = {}) => {
    events = [];
    sandbox = await startHttpsSandbox({
      certificates,
      password: new Secret(PASSWORD),
      onEvent: (event) => events.push(event),
      ...options,
    });
    return sandbox;
  };
  const home = () => ['--agent-home', scratch.home, '--name', 'web-01', '--retries', '0', '--wait', '5', '--json'];
  const file = async (name: string, text: string) => {
    const path = join(scratch.home, name);
    await writeFile(path, `${text}\n`, { mode: 0o600 });
    return path;
  };
  const ends = async (args: readonly string[], surroundings?: Surroundings) => {
    const { code, stdout, stderr } = await run([...args, ...home()], surroundings);
    return { code, stderr, report: JSON.parse(stdout), printed: stdout + stderr };
  };

  it('needs a token in a file and nothing else; a second run changes nothing', async () => {
    const target = await manager();
    const token = target.mintToken().text.reveal();
    const args = ['--token-file', await file('token', token)];
    const first = await ends(args);
    expect(first.code, first.stderr).to.equal(0);
    expect(first.report).to.deep.include({ ok: true, changed: true, method: 'https' });
    expect(first.report.link).to.include({ protocol: 'https' });
    expect(first.report.manager).to.include({ family: 'wazuh-5' });
    expect(first.report.trust).to.include({ by: 'ca' });
    const key = await readFile(scratch.keys, 'utf8');
    events = [];
    const second = await ends(args);
    expect(second.report).to.deep.include({ ok: true, changed: false });
    expect(events.filter(({ type }) => type === 'https request')).to.have.length(1);
    expect(await readFile(scratch.keys, 'utf8')).to.equal(key);
    expect(first.printed + second.printed).to.not.include(token);
  });

  for (const [what, given] of [
    ['on standard input', (token: string) => [['--token-file', '-'], { input: `${token}\n` }] as const],
    ['in a variable', (token: string) => [[], { env: { WAZUH_ENROLLMENT_TOKEN: token } }] as const],
  ] as const) {
    it(`takes the token ${what}`, async () => {
      const target = await manager();
      const [args, surroundings] = given(target.mintToken().text.reveal());
      const { code, report } = await ends(args, surroundings);
      expect([code, report.changed]).to.deep.equal([0, true]);
    });
  }

  it('takes a password for a manager that is named by https', async () => {
    const target = await manager();
    const password = await file('password', PASSWORD);
    const { code, report } = await ends(['--manager', target.url, '--pin', target.pin, '--password-file', password]);
    expect(code).to.equal(0);
    expect(report.method).to.equal('https');
  });

  it('exits 2 for a token that cannot be right, says what is wrong, and shows nothing of it', async () => {
    const token = Buffer.from('{"ver":2,"adr":"manager.example","pin":"AAAA"}').toString('base64url');
    const { code, report, printed } = await ends(['--token-file', await file('token', token)]);
    expect(code).to.equal(2);
    expect(report.error.message).to.include('version');
    expect(printed).to.not.include(token);
  });

  for (const [what, oddity, exit] of [
    ["whose certificate is an attacker's, beside the right CA", 'hostile-bundle', 4],
    ['whose certificate is for another host', 'other-leaf', 4],
    ['that has used up the token', 'token-used-up', 5],
    ['whose answer is lost', 'lost-answer', 8],
    ['of a pre-release that is too old', 'cmac-generation', 5],
  ] as const) {
    it(`exits ${exit} at a manager ${what}; no key is installed`, async () => {
      const target = await startHttpsSandbox({
        password: new Secret(PASSWORD),
        oddities: [oddity],
        onEvent: (event) => events.push(event),
      });
      sandbox = target;
      events = [];
      const { code, report } = await ends(['--token-file', await file('token', target.mintToken().text.reveal())]);
      expect(code, JSON.stringify(report.error)).to.equal(exit);
      expect(await readFile(scratch.keys, 'utf8').catch(() => 'none')).to.equal('none');
      const shown = events.flatMap((event) => (event.type === 'https request' ? [event] : []));
      if (exit === 4) expect(shown.every(({ credential }) => credential === 'none')).to.equal(true);
    });
  }

  it('corrects its clock once where the manager has another time', async () => {
    const target = await startHttpsSandbox({ certificates, oddities: ['skewed-clock'] });
    sandbox = target;
    const { code } = await ends(['--token-file', await file('token', target.mintToken().text.reveal())]);
    expect(code).to.equal(0);
  });

  it('checks the link without a token, by the manager that is named', async () => {
    const target = await manager();
    await ends(['--token-file', await file('token', target.mintToken().text.reveal())]);
    const before = target.agents();
    const { code, stdout } = await run(['check', '--manager', target.url, '--agent-home', scratch.home, '--json']);
    const report = JSON.parse(stdout);
    expect(code, stdout).to.equal(0);
    expect(report.checks.filter(({ ok }: { ok: boolean | null }) => ok === false)).to.deep.equal([]);
    expect(target.agents()).to.deep.equal(before);
  });
});
