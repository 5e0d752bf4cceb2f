import { chmod, link, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { run } from '../e2e/program.js';
import { compile, type Exchange, exchange, hasCompiler } from './attack.js';
import { confNaming, type InstalledHome, installedHome, keyLine, makeHome, place } from './installed-home.js';
import { asSecond, describeBeside, LONG, leaksTo } from './second-user.js';

const MARKER = 'MARKER-5f3a9c-OF-ROOT-ALONE';
const RUNS = LONG ? 200 : 10;

/**
 * `--write-config` reads a file in a directory that the agent's group may write to, and writes it again for that group.
 * However that group moves names about meanwhile, it must not come to read what it could not read before.
 */
describeBeside('--write-config, beside an agent that moves its files about', function () {
  this.timeout(RUNS * 2000);
  let installed: InstalledHome;
  let program: string | undefined;
  let attack: Exchange | undefined;

  beforeEach(async () => {
    installed = await installedHome();
    program = hasCompiler ? await compile('exchange.c', installed.base) : undefined;
    await place(installed.keys, keyLine(), 0o640);
  });
  afterEach(async () => {
    await attack?.end();
    attack = undefined;
    await installed.remove();
  });

  /**
   * Runs the program again and again while the two names are exchanged, each time as they were at first: what is written
   * takes the place of one of them. Each run has something to write.
   */
  const whileExchanging = async (arm: () => Promise<readonly [string, string]>, home = installed.home) => {
    const { base, account: through } = installed;
    expect(leaksTo(MARKER, base), 'before the first run').to.deep.equal([]);
    for (let n = 1; n <= RUNS; n += 1) {
      const running = exchange(...(await arm()), program);
      attack = running;
      const args = ['--manager', `127.0.0.1:${2000 + n}`, '--agent-home', home, '--write-config', '--json'];
      const least = ['--no-handshake', '--no-machine-binding', '--enrollment-port', '1', '--retries', '0'];
      const { code, stdout, stderr } = await run([...args, ...least], { through });
      attack = undefined;
      await running.end();
      // 3: the agent's user may take the key away as well, and then a manager is asked that is not there.
      expect(code, `${stdout}${stderr}`).to.be.oneOf([0, 2, 3, 6]);
      expect(stdout + stderr).to.not.include(MARKER);
      expect(leaksTo(MARKER, base), `after run ${n}`).to.deep.equal([]);
    }
  };
  /** A file that only root can read, as /etc/shadow is. */
  const secret = async () => {
    const path = join(installed.base, 'secret');
    await place(path, `root:${MARKER}:20000:0:99999:7:::\n`, 0o600, 0, 0);
    return path;
  };
  /** A directory that only root can look into. What lies in it could be read by anybody who came that far. */
  const closedDirectory = async () => {
    const path = join(installed.base, 'closed');
    await mkdir(path, { mode: 0o700 });
    return path;
  };
  const secretConf = async (path: string) => {
    await place(path, `<!-- ${MARKER} -->\n${confNaming()}`, 0o660);
  };
  /** Puts the own ossec.conf, and another beside it, where they were before a run. */
  const besideConf = async (other: (path: string) => Promise<void>): Promise<readonly [string, string]> => {
    const path = join(installed.etc, 'other');
    for (const name of [path, installed.conf]) await rm(name, { force: true });
    await place(installed.conf, confNaming(), 0o660);
    await other(path);
    return [installed.conf, path];
  };

  it('gives away nothing through a symbolic link in the place of ossec.conf', async () => {
    const path = await secret();
    await whileExchanging(() => besideConf(async (other) => void asSecond('ln', '-s', path, other)));
  });

  it('gives away nothing through a hard link in the place of ossec.conf', async () => {
    const path = await secret();
    await whileExchanging(() => besideConf((other) => link(path, other)));
  });

  it('gives away nothing through a hard link that stays there', async () => {
    const path = await secret();
    await rm(installed.conf);
    await link(path, installed.conf);
    const args = ['--manager', '127.0.0.1', '--agent-home', installed.home, '--no-handshake', '--write-config'];
    const { code, stderr } = await run(args, { through: installed.account });
    expect(leaksTo(MARKER, installed.base)).to.deep.equal([]);
    expect(code, stderr).to.be.oneOf([0, 2, 6]);
  });

  it('gives away nothing through a link in the place of etc', async () => {
    const closed = await closedDirectory();
    await place(join(closed, 'client.keys'), keyLine(), 0o640);
    await chmod(installed.home, 0o770);
    const other = join(installed.home, 'other');
    asSecond('ln', '-s', closed, other);
    await whileExchanging(async () => {
      await secretConf(join(closed, 'ossec.conf'));
      return [installed.etc, other];
    });
  });

  it('gives away nothing through a link on the way to the home', async () => {
    const closed = await closedDirectory();
    await makeHome(join(closed, 'home'));
    await place(join(closed, 'home', 'etc', 'client.keys'), keyLine(), 0o640);
    const ways = join(installed.base, 'ways');
    await mkdir(ways);
    await chmod(ways, 0o777);
    const [one, other] = [join(ways, 'one'), join(ways, 'other')];
    asSecond('ln', '-s', installed.base, one);
    asSecond('ln', '-s', closed, other);
    const arm = async (): Promise<readonly [string, string]> => {
      await secretConf(join(closed, 'home', 'etc', 'ossec.conf'));
      return [one, other];
    };
    await whileExchanging(arm, join(one, 'home'));
  });
});
