import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { ARM64_NEEDS, runArm64 } from './arm64.js';
import { built, LINUX_X64, onPath, type Ran, run, skipped, WINDOWS } from './binaries.js';
import { startWine, type Wine, windowsPath } from './wine.js';

const VERSION = ['--version'];
/** A run that does most of what the program does, and has no answer to wait for. */
const REFUSED = [
  '--manager',
  '127.0.0.1:1',
  '--enrollment-port',
  '1',
  '--retries',
  '0',
  '--name',
  'web',
  '--ip',
  'any',
];
const REFUSED_BY_API = [...REFUSED, '--api-url', 'https://127.0.0.1:1', '--api-user', 'wazuh'];

/** A variable, and a value to which the binary would listen: so that it ends in another way, says or writes something. */
interface Variable {
  readonly name: string;
  readonly what: string;
  /** @param path names a file of the test, in the words of the platform */
  value(path: (name: string) => string): string;
  /** What the value speaks of. */
  readonly files?: Readonly<Record<string, string>>;
  /** What else is in the environment, with and without the variable. */
  readonly beside?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** What the run says on the standard error in either case. */
  readonly said?: string;
}

const ICU_VERSIONS = Array.from({ length: 40 }, (_, index) => 70 + index);

const VARIABLES: readonly Variable[] = [
  {
    name: 'NODE_OPTIONS',
    what: 'load code',
    value: (path) => `--require=${path('code.cjs')}`,
    files: { 'code.cjs': "require('node:fs').writeFileSync(require('node:path').join(__dirname, 'ran'), '');" },
  },
  { name: 'NODE_OPTIONS', what: 'open a port', value: () => '--inspect=127.0.0.1:0' },
  { name: 'NODE_OPTIONS', what: 'give options', value: () => '--no-such-option' },
  {
    name: 'OPENSSL_CONF',
    what: 'load code',
    value: (path) => path('openssl.cnf'),
    files: {
      'openssl.cnf': [
        'nodejs_conf = node',
        '[node]',
        'engines = all',
        '[all]',
        'strange = one',
        '[one]',
        'init = 1',
      ].join('\n'),
    },
  },
  { name: 'NODE_V8_COVERAGE', what: 'write files', value: (path) => path('coverage') },
  { name: 'NODE_COMPILE_CACHE', what: 'write files and load code', value: (path) => path('cache') },
  {
    name: 'NODE_REDIRECT_WARNINGS',
    what: 'write to a file',
    value: (path) => path('warnings'),
    // Node warns of two that contradict each other.
    beside: { NO_COLOR: '1', FORCE_COLOR: '1', AGENT_ENROLL_API_PASSWORD: 'wazuh' },
    args: REFUSED_BY_API,
    said: 'Warning: ',
  },
  {
    name: 'NODE_ICU_DATA',
    what: 'have files read',
    value: (path) => path('icu'),
    files: Object.fromEntries(ICU_VERSIONS.map((version) => [`icu/icudt${version}l/cnvalias.icu`, 'of another kind'])),
  },
  { name: 'NODE_CHANNEL_FD', what: 'hand over a descriptor', value: () => 'none' },
  {
    name: 'NODE_USE_ENV_PROXY',
    what: 'give options',
    value: () => '1',
    beside: { HTTPS_PROXY: 'http://127.0.0.1:1' },
  },
  // Node refuses it beside the switch that keeps NODE_OPTIONS out.
  { name: 'NODE_REPL_EXTERNAL_MODULE', what: 'end the run', value: (path) => path('code.cjs') },
  { name: 'NODE_DEBUG', what: 'have internals told', value: () => 'timer', args: REFUSED },
  { name: 'NODE_DEBUG_NATIVE', what: 'have internals told', value: () => 'mksnapshot' },
];

/** How a platform's binary is run. */
interface Platform {
  readonly name: string;
  readonly missing: string;
  start(): Promise<Runner>;
}

interface Runner {
  run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran>;
  path(path: string): string;
  close(): Promise<void>;
}

const here = (run: Runner['run']) => async (): Promise<Runner> => ({
  run,
  path: (path) => path,
  close: async () => {},
});
const PLATFORMS: readonly Platform[] = [
  {
    name: 'for Linux on x64',
    missing: skipped({ ...built(LINUX_X64), 'Linux on x64': process.platform === 'linux' && process.arch === 'x64' }),
    start: here((args, env) => run(LINUX_X64, args, env)),
  },
  { name: 'for Linux on arm64', missing: skipped(ARM64_NEEDS), start: here(runArm64) },
  {
    name: 'for Windows, under Wine',
    missing: skipped({ ...built(WINDOWS), wine: onPath('wine') }),
    async start() {
      const wine: Wine = await startWine();
      // In NODE_OPTIONS a backslash would have to be doubled; Windows takes either.
      return { run: wine.run, path: (path) => windowsPath(path).replaceAll('\\', '/'), close: wine.close };
    },
  },
];

for (const { name, missing, start } of PLATFORMS) {
  (missing === '' ? describe : describe.skip)(`the environment of the binary ${name}${missing}`, function () {
    this.timeout(120_000);
    let directory: string;
    let platform: Runner;

    before(async () => {
      platform = await start();
    });
    after(async () => {
      await platform.close();
    });
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'agent-enroll-environment-'));
    });
    afterEach(async () => {
      await rm(directory, { recursive: true, force: true });
    });

    const path = (name: string) => platform.path(join(directory, name));
    const result = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
      const { code, stdout, stderr } = await platform.run(args, env);
      // Warnings name the process.
      return { code, stdout, stderr: stderr.replaceAll(/\(node:\d+\)/g, '(node)') };
    };

    for (const { name, what, value, files = {}, beside = {}, args = VERSION, said = '' } of VARIABLES) {
      it(`${name} does not ${what}`, async () => {
        for (const [file, text] of Object.entries(files)) {
          await mkdir(dirname(join(directory, file)), { recursive: true });
          await writeFile(join(directory, file), text);
        }
        const all = args === VERSION ? args : [...args, '--agent-home', path('home')];
        const without = await result(all, beside);
        expect(without.stderr).to.include(said);
        const present = await readdir(directory);
        expect(await result(all, { ...beside, [name]: value(path) })).to.deep.equal(without);
        expect(await readdir(directory)).to.deep.equal(present);
      });
    }

    it('has what is the user’s: settings and the proxy', async () => {
      const { code, stdout } = await result(['detect', '--json'], {
        WAZUH_MANAGER: 'manager.example',
        WAZUH_AGENT_NAME: 'web-01',
        AGENT_ENROLL_IP: 'any',
        HTTPS_PROXY: 'http://proxy.example:3128',
        NO_PROXY: 'other.example',
      });
      expect(code).to.equal(0);
      expect(stdout).to.include('manager.example').and.to.include('web-01').and.to.include('proxy.example');
    });
  });
}
