/**
 * Makes a release out of the commit that is checked out: binaries, packages, the npm package, the installation scripts,
 * their sums, the signature of the sums, the list of parts, and what is new.
 *
 *   npm run release [-- --key FILE] [--output DIRECTORY] [--built] [--draft]
 *
 *   --key     minisign's secret key; else the variable MINISIGN_KEY_FILE names it. With neither it is not signed
 *   --output  where the release goes [default: build/release]
 *   --built   take the binaries and packages that `npm run package` has made
 *   --draft   also where the working tree is not what was committed
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, readConfig, readJson } from '../package/config.js';
import { wantedPackages } from '../package/packages.js';
import { checksums } from '../package/papers.js';
import { run } from '../package/run.js';
import { changelogSection } from './changelog.js';

/** What is fetched from a release by hand or by scripts, beside what is installed. */
const SCRIPTS = ['deploy/install.sh', 'deploy/powershell/Install-AgentEnroll.ps1'];
const SUMS = 'SHA256SUMS';
const NEWS = 'CHANGES.md';

const { values } = parseArgs({
  options: {
    key: { type: 'string' },
    output: { type: 'string' },
    built: { type: 'boolean', default: false },
    draft: { type: 'boolean', default: false },
  },
});
const config = await readConfig();
const build = join(ROOT, config.output);
const output = values.output === undefined ? join(build, 'release') : resolve(values.output);
const version = String((await readJson(join(ROOT, 'package.json')))['version']);
const left: string[] = [];

const commit = (await run('git', ['rev-parse', 'HEAD'], { cwd: ROOT })).trim();
const changed = (await run('git', ['status', '--porcelain'], { cwd: ROOT })).trimEnd();
if (changed !== '') {
  if (!values.draft) {
    throw new Error(
      `A release is made of what was committed, and this is not. --draft goes on all the same.\n${changed}`,
    );
  }
  left.push('This is a draft: the working tree is not what was committed.');
}

if (!values.built) await passOn(process.execPath, ['--import', 'tsx', 'scripts/package/package.ts']);
await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });

const files: string[] = [];
/** Takes a file into the release. */
async function take(path: string): Promise<void> {
  const name = basename(path);
  await copyFile(path, join(output, name));
  files.push(name);
}
for (const { platform, windows } of config.targets) {
  await take(join(build, `${config.name}-${platform}${windows ? '.exe' : ''}`));
}
const platforms = config.targets.map(({ platform }) => platform);
for (const { file, missing } of wantedPackages(version, platforms)) {
  if (existsSync(join(build, file))) await take(join(build, file));
  else {
    const why = missing.length > 0 ? `${missing.join(' and ')} not installed` : 'npm run package did not make it';
    left.push(`No ${file}: ${why}.`);
  }
}
for (const name of ['sbom.cdx.json', 'LICENSES.txt']) await take(join(build, name));
for (const path of SCRIPTS) await take(join(ROOT, path));
await chmod(join(output, 'install.sh'), 0o755);
const packed: unknown = JSON.parse(await run('npm', ['pack', '--json', '--pack-destination', output], { cwd: ROOT }));
files.push(packedName(packed));

const changelog = join(ROOT, 'CHANGELOG.md');
const news = existsSync(changelog) ? changelogSection(await readFile(changelog, 'utf8'), version) : undefined;
if (news === undefined) {
  const why = existsSync(changelog) ? `CHANGELOG.md has no section of ${version}` : 'there is no CHANGELOG.md';
  left.push(`No ${NEWS}: ${why}.`);
} else {
  await writeFile(join(output, NEWS), news);
  files.push(NEWS);
}

await writeFile(join(output, SUMS), await checksums(output, files));
const unsigned = await sign(values.key ?? process.env['MINISIGN_KEY_FILE']);
if (unsigned !== undefined) left.push(`${SUMS} is not signed: ${unsigned}.`);

const signature = unsigned === undefined ? [`${SUMS}.minisig`] : [];
console.log(`\nagent-enroll ${version}, commit ${commit}, in ${output}:`);
for (const name of [...files.sort(), SUMS, ...signature]) console.log(`  ${name}`);
if (left.length > 0) console.log('What could not be made:');
for (const line of left) console.log(`  ${line}`);

/**
 * Signs the sums.
 * @returns why not; `undefined`: it did
 */
async function sign(key: string | undefined): Promise<string | undefined> {
  if (key === undefined) return 'no key was given (--key FILE or MINISIGN_KEY_FILE)';
  if (!existsSync(key)) throw new Error(`There is no key ${key}.`);
  const comment = `agent-enroll ${version} ${commit}`;
  const args = ['-S', '-s', resolve(key), '-t', comment, '-m', join(output, SUMS)];
  return (await passOn('minisign', args)) ? undefined : 'minisign is not installed';
}

/**
 * Runs a program that speaks for itself, and may ask for the key's password.
 * @returns false where it is not installed
 * @throws Error when it fails
 */
async function passOn(program: string, args: readonly string[]): Promise<boolean> {
  const { status, error } = spawnSync(program, [...args], { cwd: ROOT, stdio: 'inherit' });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return false;
  if (status !== 0) throw new Error(`${basename(program)} ${args.at(-1)} ended with ${status ?? error?.message}.`);
  return true;
}

/** The name of the file that `npm pack --json` tells of. */
function packedName(packed: unknown): string {
  const [first]: unknown[] = Array.isArray(packed) ? packed : [];
  if (typeof first === 'object' && first !== null && 'filename' in first) return String(first.filename);
  throw new Error('npm pack does not say what it made.');
}
