/**
 * Changes the code in small ways and looks whether a test notices (Stryker): `npm run mutation`, or with the rooms to try,
 * `npm run mutation -- keystore`, or parts of them, `npm run mutation -- link/https journey/retire.ts`. It works in a copy
 * of the checkout, where it installs Stryker, and mocha in the version that Stryker can drive; it ends with 1 where fewer
 * than nine of ten changes were noticed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from '../package/config.js';
import { run } from '../package/run.js';

const TOOLS = ['@stryker-mutator/core@9.6.1', '@stryker-mutator/mocha-runner@9.6.1', 'mocha@11'];
/** What lies in a checkout and is made, or not needed. */
const LEFT_OUT = new Set(['.git', 'dist', 'build']);

/** A room of `src/` and the tests that have to notice a change of it. */
interface Room {
  readonly tests: readonly string[];
  /** Tests that are true of the room, and would take hours here. */
  readonly leaveOut?: readonly string[];
}

const ROOMS: Readonly<Record<string, Room>> = {
  keystore: { tests: ['test/keystore/**/*.test.ts'] },
  link: {
    tests: ['test/link/**/*.test.ts'],
    leaveOut: ['test/link/message/{balancers,quiet,strangers}.test.ts'],
  },
  files: { tests: ['test/files/**/*.test.ts'], leaveOut: ['test/files/lock-namespaces.test.ts'] },
  obtain: { tests: ['test/obtain/**/*.test.ts'] },
  journey: { tests: ['test/journey/**/*.test.ts'] },
};

/** Rooms, or directories and files in them. */
const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(ROOMS);
const unknown = asked.filter((part) => roomOf(part) === undefined || !existsSync(join(ROOT, 'src', part)));
if (unknown.length > 0) throw new Error(`No ${unknown.join(', ')} in ${Object.keys(ROOMS).join(', ')}.`);

const directory = await mkdtemp(join(tmpdir(), 'agent-enroll-mutation-'));
try {
  await cp(ROOT, directory, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(ROOT, path)) });
  const install = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps'];
  await run('npm', [...install, ...TOOLS], { cwd: directory });
  // The runner reads this file, and takes no `import` from it.
  await writeFile(join(directory, '.mocharc.json'), '{"timeout":20000}');
  for (const part of asked) {
    await writeFile(join(directory, 'stryker.config.json'), JSON.stringify(configuration(part)));
    // Longer than `run` waits.
    const stryker = spawn('npx', ['stryker', 'run'], { cwd: directory, stdio: 'inherit' });
    const [code] = await once(stryker, 'exit');
    if (code !== 0) process.exitCode = 1;
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}

function roomOf(part: string): Room | undefined {
  const [name = ''] = part.split('/');
  return ROOMS[name];
}

function configuration(part: string): object {
  const { tests, leaveOut = [] } = roomOf(part) ?? { tests: [] };
  return {
    testRunner: 'mocha',
    testRunnerNodeArgs: ['--import', 'tsx'],
    mochaOptions: { spec: tests, ignore: leaveOut },
    mutate: [part.endsWith('.ts') ? `src/${part}` : `src/${part}/**/*.ts`],
    coverageAnalysis: 'perTest',
    // What is made as a module is loaded is there once for all tests: to try it, everything would start anew.
    ignoreStatic: true,
    // Most tests wait for sockets.
    concurrency: 4,
    reporters: ['clear-text'],
    clearTextReporter: { reportTests: false },
    timeoutMS: 15_000,
    thresholds: { high: 100, low: 90, break: 90 },
  };
}
