/**
 * Builds the binaries and packages once more, from a copy of the checkout in another place, and compares them with those in the
 * build directory.
 *
 *   npm run package:again
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, readConfig } from './config.js';
import { sourceDate } from './epoch.js';
import { run } from './run.js';

const NEEDED = [
  'src',
  'scripts',
  'deploy',
  'man',
  'node_modules',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
  'pkg.config.json',
  'LICENSE',
];

const { output } = await readConfig();
const sums = join(output, 'SHA256SUMS');
const first = await readFile(join(ROOT, sums), 'utf8');
const copy = await mkdtemp(join(tmpdir(), 'agent-enroll-again-'));
try {
  for (const name of NEEDED) await cp(join(ROOT, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
  const base = join(output, 'base');
  await cp(join(ROOT, base), join(copy, base), { recursive: true });
  // The copy is no checkout, from which the packages would take their time.
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(await sourceDate()) };
  await run(process.execPath, ['--import', 'tsx', 'scripts/package/package.ts'], { cwd: copy, env });
  const second = await readFile(join(copy, sums), 'utf8');
  if (second !== first) throw new Error(`The two builds differ. Here:\n${first}In another place:\n${second}`);
  console.log(`The same bytes:\n${second}`);
} finally {
  await rm(copy, { recursive: true, force: true });
}
