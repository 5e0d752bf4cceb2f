import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { run, scratchHome, start } from '../e2e/program.js';
import { changesSomething, inLanes, makeLibrary, NO_PRELOAD } from './at-call.js';

/** Whether every system call is a round; else as many as a quick run of the tests allows. */
const LONG = process.env['AGENT_ENROLL_LONG'] === '1';
const CALLS_AT_MOST = LONG ? Number.POSITIVE_INFINITY : 10;
const LANES = 5;
/** A next run that lasts longer has waited for a lock whose holder is dead. */
const STALE_MS = 10_000;

describe(`retiring that is killed${NO_PRELOAD === undefined ? '' : ` (not here: ${NO_PRELOAD})`}`, function () {
  this.timeout(LONG ? 3_600_000 : 120_000);
  let certificate: IssuedCertificate;
  let directory: string;
  let library: string;

  before(async function () {
    if (NO_PRELOAD !== undefined) this.skip();
    certificate = await issueStockCertificate();
    directory = await mkdtemp(join(tmpdir(), 'agent-enroll-kills-'));
    library = makeLibrary(directory);
  });
  after(async () => {
    if (NO_PRELOAD === undefined) await rm(directory, { recursive: true, force: true });
  });

  let rounds = 0;
  /** One round: a host of its own that is retired, killed meanwhile, and retired again. */
  const round = async (at: Readonly<Record<string, string>>, what: string) => {
    rounds += 1;
    const journal = join(directory, String(rounds));
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate });
    const scratch = await scratchHome();
    try {
      const { api } = sandbox;
      const mine = sandbox.addAgent({ name: 'web-01' });
      sandbox.addAgent({ name: 'db-01' });
      const record = `${mine.id} web-01 ${mine.ip} ${mine.key.reveal()}\n`;
      await writeFile(scratch.keys, record, { mode: 0o640 });
      const args = ['retire', '--agent-home', scratch.home, '--pin', api?.fingerprint ?? '', '--json'];
      const env = {
        AGENT_ENROLL_API_URL: api?.url ?? '',
        AGENT_ENROLL_API_USER: 'retire',
        AGENT_ENROLL_API_PASSWORD: 'retire',
      };
      const preload = { LD_PRELOAD: library, CALL_IN: scratch.home, CALL_LOG: journal };
      const { signal, code } = await start(args, { env: { ...env, ...preload, ...at } }).finished;
      const killed = signal === 'SIGKILL';
      if (!killed) expect(code, what).to.equal(0);
      const calls = (await readFile(journal, 'utf8').catch(() => '')).trimEnd().split('\n');

      const aside = `${scratch.keys}.retired`;
      const text = (path: string) => readFile(path, 'utf8').catch(() => undefined);
      // The key is never lost: it is whole in one place at least.
      expect([await text(scratch.keys), await text(aside)], `${what}: the key`).to.include(record);
      // And never set aside as long as the manager has the agent.
      const has = () => sandbox.agents().map(({ name }) => name);
      if (has().includes('web-01')) expect(await text(scratch.keys), what).to.equal(record);

      const next = await run(args, { env });
      expect(next.code, `${what}: ${next.stdout}`).to.equal(0);
      expect(next.ms, `${what}: the next run lasts`).to.be.below(STALE_MS);
      expect(has(), `${what}: agents`).to.deep.equal(['db-01']);
      expect(await readdir(join(scratch.home, 'etc')), `${what}: files in etc`).to.deep.equal(['client.keys.retired']);
      expect(await text(aside), what).to.equal(record);
      const notes = await readdir(join(scratch.home, '.agent-enroll')).catch(() => []);
      expect(notes, `${what}: notes, and no lock`).to.be.deep.oneOf([[], ['notes.json']]);
      return { calls, killed };
    } finally {
      await sandbox.close();
      await scratch.remove();
      await rm(journal, { force: true });
    }
  };

  it('before any of its system calls is finished by the next run', async () => {
    const { calls } = await round({}, 'not killed');
    const all = calls.flatMap((call, at) => [
      { number: at + 1, call, does: 'die' },
      ...(call.startsWith('write /') ? [{ number: at + 1, call, does: 'half' }] : []),
    ]);
    const telling = LONG ? all : all.filter(({ call }) => changesSomething(call));
    const step = Math.max(1, telling.length / CALLS_AT_MOST);
    // Not the same ones each time: many runs see all of them.
    const first = Math.random() * step;
    const chosen = telling.filter((_, at) => Math.floor((at + first) / step) !== Math.floor((at + first - 1) / step));
    expect(chosen.length).to.be.above(5);
    const ended = await inLanes(LANES, chosen, ({ number, call, does }) =>
      round({ CALL_AT: String(number), CALL_DOES: does }, `killed at ${number}, "${call}" (${does})`),
    );
    const killed = ended.filter((one) => one.killed).length;
    process.stdout.write(`\nretire: ${calls.length} system calls, killed ${killed} times\n`);
    expect(killed).to.be.above((chosen.length * 3) / 4);
  });
});
