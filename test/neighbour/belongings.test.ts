import { chmod, link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { belongingsPaths } from '../../src/keystore/belongings-files.js';
import { readReenrollSecret } from '../../src/keystore/reenroll-secret-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { unsynced } from '../files/faulty.js';
import { filesFound, filesOf, NEW_KEY, OLD_KEY, putWhole } from '../keystore/belongings-scene.js';
import { installationAt, NEW } from '../keystore/scratch.js';
import { compile, type Exchange, exchange, hasCompiler } from './attack.js';
import { type InstalledHome, installedHome, place } from './installed-home.js';
import { asSecond, describeBeside, LONG, leaksTo, SECOND } from './second-user.js';

const MARKER = 'MARKER-7b21d4-OF-ROOT-ALONE';
const RUNS = LONG ? 2000 : 100;

const disk = unsynced(nodeFileEdge());

/**
 * What belongs to a key of a Wazuh 5 lies in directories in which the agent's user may rename, and is given to that user.
 * So nothing else may come to be given, whatever it moves about meanwhile.
 */
describeBeside('a key of a Wazuh 5, installed beside an agent that moves its files about', function () {
  this.timeout(20_000 + RUNS * 100);
  let installed: InstalledHome;
  let agent: AgentInstallation;
  let program: string | undefined;
  let attack: Exchange | undefined;

  beforeEach(async () => {
    installed = await installedHome();
    program = hasCompiler ? await compile('exchange.c', installed.base) : undefined;
    agent = { ...installationAt(installed.home), account: { user: 'wazuh', group: 'wazuh', ...SECOND } };
    await putWhole(OLD_KEY, agent, disk);
  });
  afterEach(async () => {
    await attack?.end();
    attack = undefined;
    await installed.remove();
  });

  /** What only root can read, or reach. */
  const secret = async () => {
    const path = join(installed.base, 'secret');
    await place(path, `002 ${'5'.repeat(64)}\n${MARKER}\n`, 0o600, 0, 0);
    return path;
  };
  const closedDirectory = async (path: string) => {
    await mkdir(path);
    await chmod(path, 0o700);
    await place(join(path, 'inside'), MARKER, 0o644, 0, 0);
    return path;
  };
  const whileExchanging = async (one: string, other: string, work: () => Promise<unknown>) => {
    const running = exchange(one, other, program);
    attack = running;
    for (let n = 1; n <= RUNS; n += 1) {
      await work().catch((error: unknown) => expect(error).to.be.instanceOf(EnrollError));
      if (n % 20 === 0) expect(leaksTo(MARKER, installed.base), `after ${n} times`).to.deep.equal([]);
    }
    attack = undefined;
    await running.end();
    expect(leaksTo(MARKER, installed.base)).to.deep.equal([]);
  };

  it('opens no other directory in the place of certs', async () => {
    const { directory } = belongingsPaths(agent);
    const closed = await closedDirectory(join(installed.etc, 'closed'));
    await whileExchanging(directory, closed, () => putWhole(NEW_KEY, agent, disk));
    expect((await filesFound(agent)).keys).to.equal(filesOf(NEW_KEY).keys);
  });

  it('follows no link in the place of certs', async () => {
    const { directory } = belongingsPaths(agent);
    const closed = await closedDirectory(join(installed.base, 'closed'));
    const other = join(installed.etc, 'other');
    asSecond('ln', '-s', closed, other);
    await whileExchanging(directory, other, () => putWhole(NEW_KEY, agent, disk));
    expect(await stat(join(closed, 'root-ca.pem')).catch(() => 'none')).to.equal('none');
    expect((await stat(closed)).mode & 0o7777).to.equal(0o700);
  });

  for (const [what, lay] of [
    ['symbolic link', async (path: string, other: string) => void asSecond('ln', '-s', path, other)],
    ['hard link', link],
  ] as const) {
    it(`reads and gives away nothing through a ${what} in the place of the secret`, async () => {
      const path = await secret();
      const other = join(installed.etc, 'other');
      await lay(path, other);
      await whileExchanging(belongingsPaths(agent).secret, other, async () => {
        const found = await readReenrollSecret(agent, { record: NEW }, disk);
        expect(found?.secret.reveal() ?? '').to.not.match(/^5/);
        await putWhole(NEW_KEY, agent, disk);
        await rm(other, { force: true });
        await lay(path, other).catch(() => undefined);
      });
      expect(await readFile(path, 'utf8')).to.contain(MARKER);
      const { uid, mode } = await stat(path);
      expect([uid, mode & 0o7777]).to.deep.equal([0, 0o600]);
    });
  }
});
