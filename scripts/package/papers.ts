/** What lies beside the binaries: the list of their parts, the texts of the licences, the checksums. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Config, object, ROOT, readJson } from './config.js';
import { run } from './run.js';

/**
 * The parts of the binaries in the form of CycloneDX, as npm knows them, and Node. Nothing in it tells when or where it
 * was made.
 */
export async function bill(config: Config): Promise<string> {
  const made = object(
    JSON.parse(await run('npm', ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'], { cwd: ROOT })),
  );
  const { serialNumber: _serial, metadata, components, dependencies, ...rest } = made;
  const { timestamp: _time, tools: _tools, component, ...about } = object(metadata);
  const program = withoutPlaces({ ...object(component), type: 'application', name: config.name });
  const nodes = config.targets.map(({ base, platform, node }) => ({
    'bom-ref': base,
    type: 'platform',
    name: `node-${platform}`,
    version: node,
    scope: 'required',
    purl: `pkg:npm/${base}`,
    hashes: [{ alg: 'SHA-512', content: hexHash(config, base) }],
    licenses: [{ license: { id: 'MIT' } }],
  }));
  return json({
    ...rest,
    metadata: { ...about, component: program },
    components: [...list(components).map(withoutPlaces), ...nodes],
    dependencies,
  });
}

/** Where a package was fetched from differs from machine to machine. */
function withoutPlaces(component: unknown): Record<string, unknown> {
  const { externalReferences, ...rest } = object(component);
  const kept = list(externalReferences).filter((reference) => object(reference)['type'] !== 'distribution');
  return { ...rest, externalReferences: kept };
}

function hexHash(config: Config, base: string): string {
  const integrity = config.targets.find((target) => target.base === base)?.integrity ?? '';
  return Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/**
 * The licence texts of the program, of the packages that are bundled into it, and of Node, where that is in it.
 * @param packages directories, relative to the top of the checkout
 */
export async function licences(packages: readonly string[], node?: { version: string; licence: string }) {
  const own = await readJson(join(ROOT, 'package.json'));
  const parts = [
    { title: `${own['name']} ${own['version']}`, text: await readFile(join(ROOT, 'LICENSE'), 'utf8') },
    ...(await Promise.all(packages.map(packageLicence))),
    ...(node === undefined ? [] : [{ title: `Node.js ${node.version}`, text: await readFile(node.licence, 'utf8') }]),
  ];
  const line = '='.repeat(100);
  const pages = parts.map(({ title, text }) => `${line}\n${title}\n${line}\n\n${text.trim()}\n`);
  // A version that lies there twice is one page.
  return [...new Set(pages)].join('\n');
}

async function packageLicence(directory: string): Promise<{ title: string; text: string }> {
  const { name, version, license } = await readJson(join(ROOT, directory, 'package.json'));
  const file = (await readdir(join(ROOT, directory))).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? undefined : await readFile(join(ROOT, directory, file), 'utf8');
  if (text === undefined && license === undefined) throw new Error(`${directory} names no licence.`);
  return { title: `${name} ${version}`, text: text ?? `Licence: ${license} (the package holds no text of it)` };
}

/** SHA-256 of files of one directory, in the form that `sha256sum --check` reads. */
export async function checksums(directory: string, names: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const name of [...names].sort()) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(directory, name)), hash);
    lines.push(`${hash.digest('hex')}  ${name}\n`);
  }
  return lines.join('');
}
