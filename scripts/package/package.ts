/**
 * Builds the single binaries that `pkg.config.json` names, the packages that hosts install, and the papers beside them.
 *
 *   npm run package [-- PLATFORM...]       all of them, or some: linux-x64
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchBase } from './base.js';
import { makeBinary, makeBlob, removeSignature, seal, stripSymbols } from './binary.js';
import { bundle } from './bundle.js';
import { ROOT, readConfig, readJson } from './config.js';
import { surroundings } from './content.js';
import { makePackages } from './packages.js';
import { bill, checksums, licences } from './papers.js';
import { rehearse } from './rehearsal.js';
import { run } from './run.js';

/** The platform that this runs on, and on which code can be compiled beforehand. */
const HERE = `${process.platform}-${process.arch}`;
/** The widths that the help is rendered for: what the program takes without a terminal, and the widest. */
const USUAL = 100;
const WIDEST = 110;

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const only = process.argv.slice(2);
const config = await readConfig();
const output = join(ROOT, config.output);
const parts = join(output, 'parts');
await rm(parts, { recursive: true, force: true });
await mkdir(parts, { recursive: true });

const version = String((await readJson(join(ROOT, 'package.json')))['version']);
const program = join(ROOT, config.program);
const { files: bundled, packages } = await bundle(dirname(program), { version, binary: true, maps: false });

const here = config.targets.find(({ platform }) => platform === HERE);
if (here === undefined) throw new Error(`The binaries are built on one of their own platforms, and ${HERE} is none.`);
const node = await fetchBase(here, join(output, 'base'));
if (node.licence === undefined) throw new Error(`${here.base} holds no licence.`);
const compiled = join(parts, 'program.cache');
await rehearse(node.binary, program, compiled);
const none = join(parts, 'none');
await writeFile(none, '');
const answers = join(parts, 'answers.json');
await writeFile(answers, JSON.stringify(await prepareAnswers(node.binary)));

const binaries = new Map<string, string>();
for (const target of config.targets) {
  if (only.length > 0 && !only.includes(target.platform)) continue;
  const base = target === here ? node : await fetchBase(target, join(output, 'base'));
  const bare = join(parts, `node-${target.platform}`);
  await (target.windows ? removeSignature : stripSymbols)(base.binary, bare);
  await seal(bare, target);
  const blob = join(parts, `${target.platform}.blob`);
  const assets = {
    'answers.json': answers,
    'program.cache': target === here ? compiled : none,
    ...Object.fromEntries(bundled.map((name) => [name, join(dirname(program), name)])),
  };
  await makeBlob(node.binary, { loader: script('loader.cjs'), assets }, blob);
  const name = `${config.name}-${target.platform}${target.windows ? '.exe' : ''}`;
  await makeBinary(bare, blob, join(output, name));
  binaries.set(target.platform, join(output, name));
  console.log(name);
}

await writeFile(join(output, 'sbom.cdx.json'), await bill(config));
const texts = await licences(packages, { version: here.node, licence: node.licence });
await writeFile(join(output, 'LICENSES.txt'), texts);
const { made, left } = await makePackages(binaries, {
  version,
  maintainer: config.maintainer,
  surroundings: await surroundings(node.binary, program),
  licences: texts,
  scratch: join(parts, 'packages'),
  output,
});
for (const line of [...made, ...left]) console.log(line);
const names = [...binaries.values()].map((path) => basename(path));
const files = [...names, ...made, 'sbom.cdx.json', 'LICENSES.txt'];
await writeFile(join(output, 'SHA256SUMS'), await checksums(output, files));
await rm(parts, { recursive: true });

/** What the program says to `--version` and `--help`, at each width. */
async function prepareAnswers(node: string): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = { usual: USUAL, widest: WIDEST };
  for (const width of [USUAL, WIDEST]) {
    const texts: Record<string, string> = {};
    for (const argument of ['--version', '--help', '-h']) {
      texts[argument] = await run(node, [script('render.cjs'), program, String(width), argument], { env: {} });
    }
    answers[String(width)] = texts;
  }
  return answers;
}
