import { readFile, stat } from 'node:fs/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { check, EnrollError, enroll, exportKey, importKey, type JourneyEvent, retire } from '../src/index.js';
import { Secret } from '../src/model/secret.js';
import { type Sandbox, startSandbox } from '../src/sandbox/manager.js';
import { scratchHome } from './e2e/program.js';

const PASSWORD = 'of the library';

describe('the library', function () {
  this.timeout(15_000);
  let sandbox: Sandbox;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  before(async () => {
    sandbox = await startSandbox({
      family: 'wazuh-4',
      keyReloadMs: 30,
      groups: ['web'],
      password: new Secret(Buffer.from(PASSWORD)),
    });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    scratch = await scratchHome();
  });
  afterEach(() => scratch.remove());

  const manager = () => `127.0.0.1:${sandbox.endpoints.agent.port}`;
  const options = (name: string) => ({
    manager: [manager()],
    enrollmentPort: sandbox.endpoints.authd.port,
    agentHome: scratch.home,
    password: PASSWORD,
    groups: ['web'],
    name,
  });
  const failure = async (work: Promise<unknown>): Promise<EnrollError> => {
    const thrown = await work.catch((error: unknown) => error);
    if (thrown instanceof EnrollError) return thrown;
    throw new Error('It should have ended with an EnrollError.');
  };

  it('enrolls with one call, and tells what --json tells', async () => {
    const events: JourneyEvent[] = [];
    const report = await enroll(options('lib-01'), { onEvent: (event) => events.push(event) });
    expect(report).to.deep.include({ ok: true, changed: true, command: 'enroll', method: 'authd' });
    expect(report.agent).to.deep.include({ name: 'lib-01', groups: ['web'] });
    expect(report.link).to.include({ protocol: 'tcp', cipher: 'aes' });
    expect(events.map(({ kind }) => kind)).to.include.members(['asking', 'obtained', 'installed', 'proved']);
    expect((await stat(scratch.keys)).mode & 0o7777).to.equal(0o640);
    // What is only in memory is in no process list.
    expect(report.warnings.join(' ')).to.not.include('process list');
    const again = await enroll(options('lib-01'));
    expect(again).to.include({ ok: true, changed: false });
    const checked = await check({ manager: manager(), agentHome: scratch.home });
    expect(checked).to.deep.include({ ok: true, changed: false, command: 'check', agent: again.agent });
  });

  it('gives the key of this host for a backup, and takes it elsewhere', async () => {
    await enroll(options('lib-02'));
    const { key, ...report } = await exportKey({ agentHome: scratch.home });
    expect(report).to.deep.include({ ok: true, changed: false, command: 'export' });
    expect(JSON.stringify({ key, report })).to.not.include(key.reveal());
    const elsewhere = await scratchHome();
    try {
      const home = { manager: manager(), agentHome: elsewhere.home, machineBinding: false };
      expect(await importKey(key, home)).to.include({ ok: true, changed: true, method: 'import' });
      expect(await readFile(elsewhere.keys, 'utf8')).to.equal(await readFile(scratch.keys, 'utf8'));
      const other = Buffer.from(`077 other any ${'a'.repeat(64)}`).toString('base64');
      expect((await failure(importKey(other, home))).code).to.equal('KEY_PRESENT');
      const replaced = await importKey(new Secret(other), { ...home, yes: true, handshake: false, id: 77 });
      expect(replaced.agent).to.include({ id: '077' });
    } finally {
      await elsewhere.remove();
    }
  });

  it('takes this host out, and tells what --json tells', async () => {
    await enroll(options('lib-out'));
    const api = { apiUrl: sandbox.api?.url ?? '', pin: sandbox.api?.fingerprint ?? '', apiUser: 'retire' };
    const report = await retire(
      { ...api, agentHome: scratch.home },
      { environment: { AGENT_ENROLL_API_PASSWORD: 'retire' } },
    );
    const keyFile = `${scratch.keys}.retired`;
    expect(report).to.deep.include({
      ok: true,
      changed: true,
      command: 'retire',
      retired: { agent: 'deleted', keyFile },
    });
    expect(sandbox.agents().map(({ name }) => name)).to.not.include('lib-out');
    expect((await retire({ agentHome: scratch.home })).retired).to.deep.equal({ agent: 'none' });
    await enroll(options('lib-out-2'));
    expect((await failure(retire({ agentHome: scratch.home }))).code).to.equal('API_CREDENTIALS_MISSING');
  });

  it('ends with an EnrollError, and names an option as it was given', async () => {
    const missing = await failure(check({ manager: 'x', agentHome: scratch.home }));
    expect(missing.code).to.equal('KEY_MISSING');
    const bad = await failure(enroll({ ...options('lib-03'), enrollmentPort: 70_000 }));
    expect(bad.message).to.include('the option enrollmentPort').and.to.not.include('--enrollment-port');
    const typo: object = { ...options('lib-03'), pasword: 'x' };
    expect((await failure(enroll(typo))).message).to.include('pasword');
    const dry: object = { ...options('lib-03'), dryRun: true };
    expect((await failure(enroll(dry))).code).to.equal('SETTING_INVALID');
    const text: object = { ...options('lib-03'), force: 'yes' };
    expect((await failure(enroll(text))).message)
      .to.include('force')
      .and.to.include('true or false');
    expect(sandbox.agents().filter(({ name }) => name === 'lib-03')).to.deep.equal([]);
  });

  it('reads the environment that it is given, and no other', async () => {
    const { manager: _, ...rest } = options('lib-04');
    const named = { WAZUH_MANAGER: '127.0.0.1', WAZUH_MANAGER_PORT: String(sandbox.endpoints.agent.port) };
    const before = { ...process.env };
    Object.assign(process.env, named);
    try {
      expect((await failure(enroll(rest))).code).to.equal('MANAGER_MISSING');
    } finally {
      for (const name of Object.keys(named)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
    expect(await enroll(rest, { environment: named })).to.include({ ok: true, changed: true });
  });

  it('ends with its signal', async () => {
    const reason = new EnrollError('INTERRUPTED', 'Enough.');
    const stopped = enroll(options('lib-05'), { signal: AbortSignal.abort(reason) });
    expect(await failure(stopped)).to.equal(reason);
    expect(sandbox.agents().filter(({ name }) => name === 'lib-05')).to.deep.equal([]);
  });
});
