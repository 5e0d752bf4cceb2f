import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run, start } from '../e2e/program.js';
import { type TestServer, tlsServer } from '../net/tls-server.js';
import { type InstalledHome, installedHome } from './installed-home.js';
import { describeBeside, LONG } from './second-user.js';

const ROUNDS = LONG ? 20 : 3;
const STALE_MS = 20_000;
const LAST_PID = '/proc/sys/kernel/ns_last_pid';
/** The first process of a container: it ends the others that are left to it. */
const INIT = 'echo there; sleep 600 & wait';
const CONTAINER = ['unshare', '--pid', '--fork', '--kill-child'];

/** The lock of a home, where process numbers tell nothing: in containers that share the home, and after a kill. */
describeBeside('two runs on one home', function () {
  this.timeout(20_000 + ROUNDS * 5000);
  let certificate: IssuedCertificate;
  let installed: InstalledHome;

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    installed = await installedHome();
  });
  afterEach(async () => {
    await installed.remove();
  });

  const manager = () => startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 50 });

  for (const [what, more] of [
    ['with a /proc of their own', ['--mount-proc']],
    ['with the /proc of the host', []],
  ] as const) {
    it(`make one agent in two containers ${what}`, async () => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const target = await manager();
        const { home, keys, remove } = await installedHome();
        try {
          const args = [...against(target, home), '--name', 'web-01', '--json'];
          const through = [...CONTAINER, ...more];
          const ended = await Promise.all([run(args, { through }), run(args, { through })]);
          for (const { code, stdout } of ended) expect(code, `round ${round}: ${stdout}`).to.equal(0);
          const ids = ended.map(({ stdout }) => JSON.parse(stdout).agent.id);
          expect(ids, `round ${round}`).to.deep.equal(['001', '001']);
          expect(target.agents(), `round ${round}`).to.have.length(1);
          expect(await readFile(keys, 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
        } finally {
          await target.close();
          await remove();
        }
      }
    });
  }

  describe('of which the first was killed', () => {
    let silent: TestServer;
    let target: Sandbox;

    beforeEach(async () => {
      silent = await tlsServer({}, { identity: { ...certificate, key: certificate.key.reveal() } });
      target = await manager();
    });
    afterEach(async () => {
      await silent.close();
      await target.close();
    });

    const common = () => ['--agent-home', installed.home, '--name', 'web-01', '--no-handshake'];
    /** Starts a run that holds the lock while it waits for a manager that does not answer. */
    const holder = async (through: readonly string[]) => {
      const where = ['--manager', '127.0.0.1', '--enrollment-port', String(silent.endpoint.port)];
      const program = start([...where, ...common()], { through });
      await program.said('Asking');
      return program;
    };
    const expectNext = async (through: readonly string[]) => {
      const args = [...against(target, installed.home), ...common().slice(2), '--json'];
      const { code, stdout, ms } = await run(args, { through, limitMs: STALE_MS + 500 });
      expect(code, `${stdout} after ${ms} ms`).to.equal(0);
      expect(ms).to.be.below(STALE_MS);
      expect(target.agents()).to.have.length(1);
    };

    it('go on within 20 s where its number is that of another process by now', async function () {
      if (!existsSync(LAST_PID)) this.skip();
      const container = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', INIT]);
      let limit: NodeJS.Timeout | undefined;
      try {
        const [first] = await once(container.stdout, 'data');
        expect(String(first)).to.equal('there\n');
        const children = await readFile(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8');
        const inside = ['nsenter', '--target', children.trim(), '--pid', '--mount', 'sh', '-c'];
        const note = join(installed.base, 'pid');
        const killed = await holder([...inside, 'echo $$ > "$0" && exec "$@"', note]);
        const pid = (await readFile(note, 'utf8')).trim();
        const [command = '', ...rest] = inside;
        execFileSync(command, [...rest, `kill -KILL ${pid}`]);
        await killed.finished;
        // The kernel gives the next process the number after this one.
        const again = `echo ${Number(pid) - 1} > ${LAST_PID}; sleep 600 > /dev/null 2>&1 & echo $!`;
        expect(execFileSync(command, [...rest, again], { encoding: 'utf8' }).trim()).to.equal(pid);
        // To kill nsenter ends nothing in the container.
        limit = setTimeout(() => container.kill('SIGKILL'), STALE_MS + 500);
        await expectNext([...inside, 'exec "$@"', 'sh']);
      } finally {
        clearTimeout(limit);
        const closed = once(container, 'close');
        if (container.kill('SIGKILL')) await closed;
      }
    });

    // Nothing but time tells there that the other has ended.
    it('go on within 20 s where its number is that of another process in the next container', async function () {
      if (!LONG) this.skip();
      const container = [...CONTAINER, '--mount-proc', 'sh', '-c'];
      const killed = await holder([...container, '"$@"; exit', 'sh']);
      killed.signal('SIGKILL');
      await killed.finished;
      // In both, the second process.
      await expectNext([...container, 'sleep 600 & exec "$@"', 'sh']);
    });
  });
});
