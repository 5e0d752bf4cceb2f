import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, readFile, stat } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, before, beforeEach, it } from 'mocha';
import type { Counter } from '../../src/model/message-counter.js';
import { isNewer, parseCounter } from '../../src/model/message-counter.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { run, start } from '../e2e/program.js';
import { type InstalledHome, installedHome, place } from './installed-home.js';
import { describeBeside, LONG, SECOND } from './second-user.js';

type Command = 'check' | 'enroll';

const ROUNDS = LONG ? 20 : 1;

/** The counter of messages and the key's mode, which the agent's user and other runs may have changed. */
describeBeside('the files of an enrolled host', function () {
  this.timeout(20_000 + ROUNDS * 3000);
  let certificate: IssuedCertificate;
  let installed: InstalledHome;
  let sandbox: Sandbox | undefined;
  /** What the manager has seen, in the order of arrival. */
  let seen: Counter[] = [];

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    installed = await installedHome();
    seen = [];
  });
  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
    await installed.remove();
  });

  const counted = (text: string): Counter => {
    const counter = parseCounter(text);
    if (counter === undefined) throw new Error(`"${text}" is no counter`);
    return counter;
  };
  const onDisk = async () => counted(await readFile(installed.counter, 'utf8'));
  const isBehind = (a: Counter, b: Counter) => isNewer(b, a);

  /** Enrolls, and gives what runs a command against the same manager. */
  const enrolled = async (family: SandboxOptions['family']) => {
    const target = await startSandbox({
      family,
      certificate,
      keyReloadMs: 100,
      onEvent: (event) => {
        if (event.type === 'message') seen.push(counted(event.counter));
      },
    });
    sandbox = target;
    const { agent, authd } = target.endpoints;
    const argsOf = (command: Command, port = agent.port) => [
      ...[command, '--manager', `${agent.host}:${port}`, '--agent-home', installed.home, '--json'],
      ...(command === 'enroll' ? ['--enrollment-port', String(authd.port), '--name', 'web-01'] : []),
    ];
    const through = installed.account;
    const runs = async (command: Command, ...rest: readonly string[]) => {
      const { code, stdout } = await run([...argsOf(command), ...rest], { through });
      return { code, stdout, report: JSON.parse(stdout) };
    };
    /** A run whose messages nobody answers, as it waits. */
    const waits = async (command: Command) => {
      const silent = createSocket('udp4');
      silent.bind(0, agent.host);
      await once(silent, 'listening');
      const program = start([...argsOf(command, silent.address().port), '--wait', '1s'], { through });
      await once(silent, 'message');
      return { finished: program.finished.finally(() => silent.close()) };
    };
    // No manager has acknowledged the key to enroll, which silence would make it replace otherwise.
    for (const [command, ...rest] of [['enroll', '--no-handshake'], ['check']] as const) {
      const { code, stdout } = await runs(command, ...rest);
      expect(code, stdout).to.equal(0);
    }
    return { runs, waits };
  };
  /** Where the counter stands, once it is clear that nothing that was sent is ahead of it. */
  const aheadOfAll = async (before: Counter, when: string) => {
    const now = await onDisk();
    expect(isBehind(now, before), `${when}: ${JSON.stringify({ before, now })}`).to.equal(false);
    const missed = seen.filter((counter) => isBehind(now, counter));
    expect(missed, `${when}: sent, and ahead of ${JSON.stringify(now)}`).to.deep.equal([]);
    return now;
  };

  for (const beside of ['check', 'enroll'] as const) {
    it(`count on where check runs beside ${beside}`, async () => {
      const { runs } = await enrolled('ossec');
      let counter = await onDisk();
      for (let round = 1; round <= ROUNDS; round += 1) {
        for (const { code, stdout } of await Promise.all([runs('check'), runs(beside)])) {
          expect(code, `round ${round}: ${stdout}`).to.equal(0);
        }
        counter = await aheadOfAll(counter, `round ${round}`);
      }
      const { code, stdout } = await runs('check');
      expect(code, stdout).to.equal(0);
      expect(sandbox?.agents()).to.have.length(1);
    });
  }

  for (const [first, second] of [
    ['check', 'check'],
    ['check', 'enroll'],
    ['enroll', 'check'],
  ] as const) {
    it(`count on where ${second} runs while ${first} waits for a manager that is silent`, async () => {
      const { runs, waits } = await enrolled('ossec');
      const before = await onDisk();
      const { finished } = await waits(first);
      const { code, stdout } = await runs(second);
      expect(code, stdout).to.equal(0);
      expect((await finished).code).to.equal(7);
      await aheadOfAll(before, 'after both');
      expect((await runs('check')).code, 'a third').to.equal(0);
    });
  }

  // Of the last numbers, the first of these leaves seven, which may do.
  for (const [text, codes] of [
    ['4294967295:9990:', [0, 6]],
    ['4294967295:9997:', [6]],
  ] as const) {
    for (const command of ['check', 'enroll'] as const) {
      it(`name sender_counter and the way out where it holds ${text} (${command})`, async () => {
        const { runs } = await enrolled('wazuh-4');
        await place(installed.counter, text, 0o640, SECOND.uid);
        const { code, stdout, report } = await runs(command);
        expect(code, stdout).to.be.oneOf(codes);
        if (code === 0) return;
        expect(report.error.message).to.include(installed.counter);
        expect(report.error.hint).to.match(/remove|delete|reset|enroll|--force/i);
      });
    }
  }

  it('are told of and mended where everybody can read the key', async () => {
    const { runs } = await enrolled('wazuh-4');
    const key = await readFile(installed.keys, 'utf8');
    await chmod(installed.keys, 0o644);
    for (const [command, mode] of [
      ['check', 0o644],
      ['enroll', 0o640],
    ] as const) {
      const { code, stdout, report } = await runs(command);
      expect(code, stdout).to.equal(0);
      expect(report.warnings.join('\n'), command).to.include(installed.keys);
      expect((await stat(installed.keys)).mode & 0o7777, command).to.equal(mode);
      expect(await readFile(installed.keys, 'utf8')).to.equal(key);
    }
    expect((await runs('enroll')).report.warnings).to.deep.equal([]);
  });
});
