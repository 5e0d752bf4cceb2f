/** Writes the tables of the documentation anew: `npm run docs`. */
import { readFile, writeFile } from 'node:fs/promises';
import { generatedDocuments, withTables } from './tables.js';

for (const { file, tables } of generatedDocuments()) {
  const path = new URL(file, import.meta.url);
  await writeFile(path, withTables(await readFile(path, 'utf8'), tables));
}
