/** Writes the tables of the documentation, the plots and the man page anew: `npm run docs`. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { drawFleet } from '../bench/fleet/plot.js';
import { readResults } from '../bench/fleet/results.js';
import { drawGrowth } from '../bench/growth/plot.js';
import { readGrowth } from '../bench/growth/results.js';
import { MAN_PAGE, manPage } from './man-page.js';
import { generatedDocuments, withTables } from './tables.js';

for (const { file, tables } of generatedDocuments()) {
  const path = new URL(file, import.meta.url);
  await writeFile(path, withTables(await readFile(path, 'utf8'), tables));
}
await writeFile(new URL('fleet.svg', import.meta.url), drawFleet(readResults()));
await writeFile(new URL('growth.svg', import.meta.url), drawGrowth(readGrowth()));
const page = new URL(MAN_PAGE, import.meta.url);
await mkdir(new URL('.', page), { recursive: true });
await writeFile(page, manPage());
