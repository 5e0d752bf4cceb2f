/**
 * Bundles the program for the npm package, where `bin/agent-enroll.js` looks for it, with the licences of what is in it.
 * `npm run build` runs it.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from './bundle.js';
import { ROOT, readJson } from './config.js';
import { licences } from './papers.js';

const output = join(ROOT, 'dist', 'program');
// With the code that was compiled of the one before.
await rm(output, { recursive: true, force: true });
const version = String((await readJson(join(ROOT, 'package.json')))['version']);
const { packages } = await bundle(output, { version, binary: false, maps: true });
await writeFile(join(output, 'LICENSES.txt'), await licences(packages));
