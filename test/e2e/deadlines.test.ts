import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { compile, hasCompiler } from '../neighbour/attack.js';
import { run, scratchHome, start } from './program.js';

/** The time that starting the program may take, and ending it; a look-up lasts twenty seconds. */
const START_MS = 1500;
const SOON_MS = 500;

describe('a run whose name look-ups hang', function () {
  this.timeout(20_000);
  let directory: string;
  let env: Readonly<Record<string, string>>;
  let scratch: Awaited<ReturnType<typeof scratchHome>>;

  before(async function () {
    if (!hasCompiler || process.platform !== 'linux') return this.skip();
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-deadlines-'));
    env = { LD_PRELOAD: await compile('no-resolver.c', directory, '-shared', '-fPIC') };
    scratch = await scratchHome();
  });
  after(async () => {
    await scratch?.remove();
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  const asked = (...args: string[]) => [
    ...args,
    ...['--manager', 'manager.example', '--agent-home', scratch.home, '--name', 'web-01', '--json'],
  ];
  const key = (id: string) => `${id} web-01 any ${'ab'.repeat(32)}\n`;

  it('ends with its deadline', async () => {
    const { code, stdout, ms } = await run(asked('--deadline', '1s'), { env });
    expect(code).to.equal(3);
    expect(JSON.parse(stdout).error.code).to.equal('DEADLINE_PASSED');
    expect(ms).to.be.below(1000 + START_MS + SOON_MS);
  });

  it('ends with its timeout, and says that it was the name', async () => {
    const { code, stdout, ms } = await run(asked('--timeout', '500ms', '--retries', '0', '--ip', 'any'), { env });
    expect(code).to.equal(3);
    const { error } = JSON.parse(stdout);
    expect(error.code).to.equal('HOST_UNRESOLVED');
    expect(error.message).to.include('manager.example').and.include('within 0.5 s');
    expect(ms).to.be.below(500 + START_MS + SOON_MS);
  });

  it('ends where it only looks', async () => {
    const { code, ms } = await run(asked('detect', '--timeout', '500ms'), { env });
    expect(code).to.equal(0);
    expect(ms).to.be.below(500 + START_MS + SOON_MS);
  });

  it('says of an imported key that it is installed and not acknowledged: by the wait, and by the deadline', async () => {
    for (const limit of ['--wait', '--deadline']) {
      const args = asked('import', '-', limit, '1s', '--yes');
      const { code, stdout, ms } = await run(args, { env, input: key(limit === '--wait' ? '001' : '002') });
      const { changed, error } = JSON.parse(stdout);
      expect(code, stdout).to.equal(7);
      expect(changed).to.equal(true);
      expect(error.message).to.not.include('(--deadline)');
      // A name that is not found is looked at once more at the end of the wait.
      expect(ms).to.be.below(1000 + START_MS + SOON_MS + (limit === '--wait' ? 2000 : 0));
    }
  });

  it('ends at once with a signal, with its code and its word', async () => {
    const program = start([...asked('--ip', 'any'), '--verbose'], { env });
    await program.said('manager.example');
    const at = performance.now();
    program.signal('SIGTERM');
    const { code, stdout } = await program.finished;
    expect(performance.now() - at).to.be.below(SOON_MS);
    expect(code).to.equal(143);
    expect(JSON.parse(stdout).error.code).to.equal('TERMINATED');
  });

  it('is cut off while it reads its settings, where nothing is done either', async () => {
    const args = asked('--dry-run', '--password-file', '-', '--deadline', '500ms');
    const { code, stdout, ms } = await run(args, { env, input: { open: true } });
    expect(code).to.equal(3);
    expect(JSON.parse(stdout).error.code).to.equal('DEADLINE_PASSED');
    expect(ms).to.be.below(500 + START_MS + SOON_MS);
  });
});

describe('a configuration that changed beside a key that did not', function () {
  this.timeout(20_000);

  it('is not called nothing', async () => {
    const scratch = await scratchHome();
    try {
      await writeFile(scratch.keys, `001 web-01 any ${'ab'.repeat(32)}\n`, { mode: 0o640 });
      const conf = '<ossec_config><client><server><address>old.example</address></server></client></ossec_config>\n';
      await writeFile(join(scratch.home, 'etc', 'ossec.conf'), conf);
      const args = ['--manager', '127.0.0.1', '--agent-home', scratch.home, '--no-handshake', '--write-config'];
      const { code, stderr } = await run(args);
      expect(code, stderr).to.equal(0);
      expect(stderr).to.include('names this manager now').and.not.include('nothing was changed');
    } finally {
      await scratch.remove();
    }
  });
});
