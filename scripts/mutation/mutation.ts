/**
 * Changes the code in small ways and looks whether a test notices (Stryker): `npm run mutation -- link|keystore`. It
 * works in a copy of the checkout, where it installs Stryker, and mocha in the version that Stryker can drive.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ROOT } from '../package/config.js';
import { run } from '../package/run.js';

const TOOLS = ['@stryker-mutator/core@9.6.1', '@stryker-mutator/mocha-runner@9.6.1', 'mocha@11'];
/** What lies in a checkout and is made, or not needed. */
const LEFT_OUT = new Set(['.git', 'dist', 'build']);

/** The parts whose tests take milliseconds: those of sockets and processes would take days. */
const PARTS: Readonly<Record<string, { readonly mutate: readonly string[]; readonly tests: readonly string[] }>> = {
  link: {
    mutate: ['codec', 'framing', 'cipher', 'key', 'control', 'inbox', 'turns', 'aes', 'blowfish'].map(
      (name) => `src/link/message/${name}.ts`,
    ),
    tests: ['codec', 'codec.recordings', 'framing', 'cipher', 'key', 'control', 'inbox', 'turns', 'blowfish'].map(
      (name) => `test/link/message/${name}.test.ts`,
    ),
  },
  keystore: {
    mutate: [
      ...['client-keys', 'exported-key', 'installed', 'modes', 'sender-counter', 'reserved-counters'],
      ...['reenroll-secret-file', 'notes/notes-text', 'notes/earlier-notes'],
    ].map((name) => `src/keystore/${name}.ts`),
    tests: [
      ...['client-keys', 'exported-key', 'installed', 'modes', 'sender-counter', 'reenroll-secret-file'],
      ...['notes/notes-text', 'notes/earlier-notes', 'notes/notes-file'],
    ].map((name) => `test/keystore/${name}.test.ts`),
  },
};

const [name = 'link'] = process.argv.slice(2);
const part = PARTS[name];
if (part === undefined) throw new Error(`There is no part ${name}: ${Object.keys(PARTS).join(', ')}.`);
const directory = await mkdtemp(join(tmpdir(), 'agent-enroll-mutation-'));
try {
  await cp(ROOT, directory, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(ROOT, path)) });
  await run(
    'npm',
    ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps', ...TOOLS],
    {
      cwd: directory,
    },
  );
  // The runner reads this file, and takes no `import` from it.
  await writeFile(join(directory, '.mocharc.json'), '{"timeout":10000}');
  const config = {
    testRunner: 'mocha',
    testRunnerNodeArgs: ['--import', 'tsx'],
    mochaOptions: { spec: part.tests },
    mutate: part.mutate,
    coverageAnalysis: 'perTest',
    concurrency: 1,
    reporters: ['clear-text'],
    timeoutMS: 20_000,
  };
  await writeFile(join(directory, 'stryker.config.json'), JSON.stringify(config));
  // Longer than `run` waits.
  const stryker = spawn('npx', ['stryker', 'run'], { cwd: directory, stdio: 'inherit' });
  const [code] = await once(stryker, 'exit');
  process.exitCode = code === 0 ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
