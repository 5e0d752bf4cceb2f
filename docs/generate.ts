/** Writes the tables of the documentation and the man page anew: `npm run docs`. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { MAN_PAGE, manPage } from './man-page.js';
import { generatedDocuments, withTables } from './tables.js';

for (const { file, tables } of generatedDocuments()) {
  const path = new URL(file, import.meta.url);
  await writeFile(path, withTables(await readFile(path, 'utf8'), tables));
}
const page = new URL(MAN_PAGE, import.meta.url);
await mkdir(new URL('.', page), { recursive: true });
await writeFile(page, manPage());
