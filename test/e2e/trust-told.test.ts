import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { against, run, scratchHome } from './program.js';

/** Who got what is told of runs that fail as well. */
describe('trust in a run that fails', function () {
  this.timeout(20_000);
  let sandbox: Sandbox;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;
  let wrong: string;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', password: new Secret(Buffer.from('the right one')) });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    scratch = await scratchHome();
    wrong = join(scratch.home, 'password');
    await writeFile(wrong, 'a wrong one\n', { mode: 0o600 });
  });
  afterEach(() => scratch.remove());

  const args = (...more: string[]) => [
    ...against(sandbox, scratch.home),
    ...['--name', 'web-01', '--password-file', wrong],
    ...more,
  ];

  it('says that a wrong password went to a server that nobody has checked', async () => {
    const { code, stdout } = await run(args('--json'));
    expect(code).to.equal(5);
    const { trust, warnings, error } = JSON.parse(stdout);
    expect(error.code).to.equal('PASSWORD_REFUSED');
    expect(trust).to.include({ by: 'first use', fingerprint: sandbox.fingerprint });
    expect(trust.subject).to.be.a('string');
    expect(warnings).to.have.lengthOf(1);
    expect(warnings[0]).to.include('password was sent').and.include(`--pin ${sandbox.fingerprint}`);
    const { stderr } = await run(args());
    expect(stderr).to.match(
      /certificate was seen for the first time[^\n]*sha256:.*\nWarning: [^\n]*password was sent.*\nError: /s,
    );
  });

  it('takes a manager that is written in another way for the same at first use', async () => {
    const free = await startSandbox({ family: 'wazuh-4', keyReloadMs: 50 });
    try {
      const { agent, authd } = free.endpoints;
      const by: string[] = [];
      for (const host of ['localhost', 'LOCALHOST', 'LocalHost']) {
        const home = [
          '--agent-home',
          scratch.home,
          '--name',
          `web-${by.length}`,
          '--force',
          '--no-handshake',
          '--json',
        ];
        const ports = ['--enrollment-port', String(authd.port)];
        const { stdout } = await run(['--manager', `${host}:${agent.port}`, ...ports, ...home]);
        by.push(JSON.parse(stdout).trust?.by);
      }
      expect(by).to.deep.equal(['first use', 'stored', 'stored']);
    } finally {
      await free.close();
    }
  });

  it('shows the certificate that was refused, and that nothing was sent there', async () => {
    const { code, stdout } = await run(args('--json', '--pin', `sha256:${'5a'.repeat(32)}`));
    expect(code).to.equal(4);
    const { trust, warnings } = JSON.parse(stdout);
    expect(trust).to.include({ by: 'refused', fingerprint: sandbox.fingerprint });
    expect(warnings).to.deep.equal([]);
  });
});
