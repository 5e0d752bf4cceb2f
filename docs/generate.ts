/**
 * Writes the tables of the documentation, its plots and pictures and the man page anew: `npm run docs`. Those of the terminal are made
 * of a real run: `npm run pictures`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { drawFleet } from '../bench/fleet/plot.js';
import { readResults } from '../bench/fleet/results.js';
import { drawGrowth } from '../bench/growth/plot.js';
import { readGrowth } from '../bench/growth/results.js';
import { MAN_PAGE, manPage } from './man-page.js';
import { drawJourney } from './pictures/journey.js';
import { drawStates } from './pictures/states.js';
import { generatedDocuments, withTables } from './tables.js';

for (const { file, tables } of generatedDocuments()) {
  const path = new URL(file, import.meta.url);
  await writeFile(path, withTables(await readFile(path, 'utf8'), tables));
}
await writeFile(new URL('fleet.svg', import.meta.url), drawFleet(readResults()));
await writeFile(new URL('pictures/journey.svg', import.meta.url), drawJourney());
await writeFile(new URL('pictures/states.svg', import.meta.url), drawStates());
await writeFile(new URL('growth.svg', import.meta.url), drawGrowth(readGrowth()));
const page = new URL(MAN_PAGE, import.meta.url);
await mkdir(new URL('.', page), { recursive: true });
await writeFile(page, manPage());
