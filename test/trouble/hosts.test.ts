import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type HttpsCertificates, issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { against, run, type Surroundings } from '../e2e/program.js';
import { NO_PRELOAD } from '../killed/at-call.js';

const NAME = 'web-01';
const KEY = /^001 web-01 any [0-9a-f]{64}\n$/;
const TEN_YEARS_S = 315_576_000;

/** Why there is no mount namespace here; `undefined`: there is one. */
const NO_MOUNT =
  spawnSync('unshare', ['--mount', 'true']).status === 0 ? undefined : 'needs root, and mount namespaces';

/** The built program on hosts that lack what it takes for granted. */
describe('a host in trouble', function () {
  this.timeout(60_000);
  let certificate: IssuedCertificate;
  let https: HttpsCertificates;
  let sandbox: Sandbox;
  let home: string;

  before(async () => {
    certificate = await issueStockCertificate();
    https = await issueHttpsCertificates();
  });
  beforeEach(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate, keyReloadMs: 50 });
    home = await mkdtemp(join(tmpdir(), 'agent-enroll-trouble-'));
    await mkdir(join(home, 'etc'));
  });
  afterEach(async () => {
    await sandbox.close();
    await chmod(home, 0o755);
    await rm(home, { recursive: true, force: true });
  });

  const args = () => [...against(sandbox, home), '--name', NAME, '--json'];
  const enroll = (surroundings: Surroundings = {}) => run(args(), surroundings);
  /** Runs it behind a line of shell, in a mount namespace of its own; `$0` is the home. */
  const behind = (script: string, namespaces: readonly string[] = ['--mount', '--propagation', 'private']) => ({
    through: ['unshare', ...namespaces, 'sh', '-c', `${script} && exec "$@"`, home],
  });
  /** The same home without the trouble: one agent, and its key. */
  const expectHealed = async () => {
    const { code, stdout } = await enroll();
    expect(code, stdout).to.equal(0);
    expect(await readFile(join(home, 'etc', 'client.keys'), 'utf8')).to.match(KEY);
    expect(sandbox.agents()).to.have.length(1);
  };
  const mounted = (title: string, body: (this: Mocha.Context) => Promise<void>) =>
    it(NO_MOUNT === undefined ? title : `${title} (not here: ${NO_MOUNT})`, async function () {
      if (NO_MOUNT !== undefined) this.skip();
      await body.call(this);
    });

  for (const [what, options, fill] of [
    [
      'pages',
      'size=64k',
      'dd if=/dev/zero of="$0/full" bs=4096 2>/dev/null; dd if=/dev/null of="$0/full" bs=4096 seek=$SEEK',
    ],
    [
      'inodes',
      'nr_inodes=16',
      'n=0; while touch "$0/full$n"; do n=$((n+1)); done; while [ $n -gt $SEEK ]; do n=$((n-1)); rm -f "$0/full$n"; done',
    ],
  ] as const) {
    mounted(`is told that its disk has no more ${what}, before a manager is asked`, async () => {
      const script = (free: number) => {
        const left = what === 'pages' ? 15 - free : 13 - free;
        return `mount -t tmpfs -o ${options} none "$0" && mkdir "$0/etc" && SEEK=${left} && { ${fill} ; } 2>/dev/null; rm -f "$0/full-1"; true`;
      };
      const codes: (number | null)[] = [];
      for (let free = 0; free <= 12; free += 1) {
        const { code, stdout } = await enroll(behind(script(free)));
        codes.push(code);
        const { error, changed } = JSON.parse(stdout);
        if (code !== 0) {
          expect(code, `${free} free: ${stdout}`).to.equal(6);
          expect(error.message, stdout).to.match(/no space is left/);
          // No room for the counters alone: the key is in its place.
          expect(sandbox.agents(), `${free} free: ${stdout}`).to.have.length(changed ? 1 : 0);
          if (changed) expect(error.message, stdout).to.match(/sender_counter|notes\.json/);
        }
        // The mount is gone with the run, and the key in it.
        for (const { id } of sandbox.agents()) sandbox.removeAgent(id);
      }
      expect(codes[0]).to.equal(6);
      expect(codes.at(-1)).to.equal(0);
    });
  }

  mounted('is told that its disk is read-only, before a manager is asked', async () => {
    const { code, stdout } = await enroll(behind('mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'));
    expect(code, stdout).to.equal(6);
    expect(JSON.parse(stdout).error.message).to.include('read-only').and.include(home);
    expect(sandbox.agents()).to.deep.equal([]);
    expect(await readdir(home)).to.deep.equal(['etc']);
    await expectHealed();
  });

  mounted('enrolls without /proc and /sys', async () => {
    const { code, stdout } = await enroll(behind('mount -t tmpfs none /proc && mount -t tmpfs none /sys'));
    expect(code, stdout).to.equal(0);
    expect(await readFile(join(home, 'etc', 'client.keys'), 'utf8')).to.match(KEY);
    await expectHealed();
  });

  mounted('shows its address among 10,000 routes at once', async () => {
    const routes = join(home, 'routes');
    const lines = Array.from({ length: 10_000 }, (_, n) => `route add 10.${n >> 8}.${n & 255}.0/24 dev lo`);
    await writeFile(routes, `link set lo up\n${lines.join('\n')}\n`);
    const script = 'ip -batch "$0/routes"';
    const { code, stdout, ms } = await run(
      ['detect', '--manager', '10.0.7.1', '--agent-home', home, '--json'],
      behind(script, ['--net']),
    );
    expect(code, stdout).to.equal(0);
    expect(JSON.parse(stdout).ok).to.equal(true);
    expect(ms).to.be.below(10_000);
  });

  it('is left as it was, or enrolled, with few descriptors', async function () {
    if (process.platform === 'win32') this.skip();
    const codes = new Set<number | null>();
    for (const limit of [16, 20, 24, 28, 32, 48, 64, 96, 128, 192, 256]) {
      const { code, signal, stdout, stderr } = await enroll({
        through: ['sh', '-c', `ulimit -n ${limit} && exec "$0" "$@"`],
      });
      codes.add(code);
      const said = `${limit}: ${code} ${signal} ${stdout} ${stderr}`;
      // Below some number Node.js itself does not start, or dies of it before it has the whole program.
      if (stdout !== '') {
        const { ok, error } = JSON.parse(stdout);
        expect(ok, said).to.equal(code === 0);
        expect(code, said).to.be.oneOf([0, 3, 6, 7]);
        if (code !== 0) expect(`${error.message} ${error.hint}`, said).to.match(/too many|EMFILE|descriptors/i);
      }
      const key = await readFile(join(home, 'etc', 'client.keys'), 'utf8').catch(() => undefined);
      if (key !== undefined) expect(key, said).to.match(KEY);
      expect(sandbox.agents().length, said).to.equal(key === undefined ? 0 : 1);
    }
    expect([...codes]).to.include(0);
    await expectHealed();
  });

  it('is left as it was, or enrolled, with little memory', async function () {
    if (process.platform !== 'linux') this.skip();
    for (const megabytes of [200, 500, 600, 700, 800, 1000, 1500, 2000, 16_000]) {
      const { code, stdout } = await enroll({
        through: ['sh', '-c', `ulimit -c 0 -v ${megabytes * 1024} && exec "$0" "$@"`],
      });
      const said = `${megabytes} MB: ${code} ${stdout}`;
      if (stdout !== '') expect(JSON.parse(stdout).ok, said).to.equal(code === 0);
      else expect(code, said).to.not.equal(0);
      const key = await readFile(join(home, 'etc', 'client.keys'), 'utf8').catch(() => undefined);
      if (key !== undefined) expect(key, said).to.match(KEY);
    }
    await expectHealed();
  });

  describe(`whose clock is wrong${NO_PRELOAD === undefined ? '' : ` (not here: ${NO_PRELOAD})`}`, () => {
    let library: string;

    before(async function () {
      if (NO_PRELOAD !== undefined) this.skip();
      library = join(await mkdtemp(join(tmpdir(), 'agent-enroll-clock-')), 'wrong-clock.so');
      const source = fileURLToPath(new URL('wrong-clock.c', import.meta.url));
      execFileSync('gcc', ['-O1', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, source, '-ldl']);
    });
    after(async () => {
      if (NO_PRELOAD === undefined) await rm(join(library, '..'), { recursive: true, force: true });
    });

    for (const [what, env] of [
      ['ten years behind', { CLOCK_OFF: String(-TEN_YEARS_S) }],
      ['ten years ahead', { CLOCK_OFF: String(TEN_YEARS_S) }],
      ['jumping by ten years to and fro', { CLOCK_OFF: String(TEN_YEARS_S), CLOCK_JUMPS: '50' }],
    ] as const) {
      it(`enrolls once, and finds its key good: ${what}`, async () => {
        const surroundings = { env: { ...env, LD_PRELOAD: library } };
        const first = await enroll(surroundings);
        expect(first.code, first.stdout).to.equal(0);
        const second = await enroll(surroundings);
        expect(second.code, second.stdout).to.equal(0);
        expect(JSON.parse(second.stdout).changed).to.equal(false);
        await expectHealed();
      });

      it(`enrolls with a Wazuh 5, whose tokens have times in them, or says that it is the clock: ${what}`, async () => {
        const manager = await startHttpsSandbox({ certificates: https });
        try {
          const token = manager.mintToken().text.reveal();
          const given = ['--agent-home', home, '--name', NAME, '--json'];
          const { code, stdout } = await run(given, {
            env: { ...env, LD_PRELOAD: library, WAZUH_ENROLLMENT_TOKEN: token },
          });
          const said = `${code} ${stdout}`;
          expect(code, said).to.be.oneOf([0, 4]);
          if (code === 4) expect(stdout, said).to.match(/expired|not (yet )?valid|clock/i);
          expect(manager.agents(), said).to.have.length(JSON.parse(stdout).changed ? 1 : 0);
        } finally {
          await manager.close();
        }
      });
    }
  });
});
