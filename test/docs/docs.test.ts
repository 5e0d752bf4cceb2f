import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { generatedDocuments, withTables } from '../../docs/tables.js';
import { MEANINGS } from '../../src/errors.js';
import { OPTION_ROWS } from '../../src/settings/options.js';

describe('the documentation', () => {
  for (const { file, tables } of generatedDocuments()) {
    it(`has the tables of ${file} as the code has them (npm run docs writes them anew)`, async () => {
      const text = await readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
      expect(text).to.equal(withTables(text, tables));
    });
  }

  it('has every option, every variable and every error code', async () => {
    const read = (file: string) => readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    const [options, errors] = [await read('options.md'), await read('errors.md')];
    for (const [name, { environment }] of OPTION_ROWS) {
      expect(options).to.match(new RegExp(`--(no-)?${name}[\`  ]`));
      for (const variable of environment) expect(options).to.contain(`\`${variable}\``);
    }
    for (const code of Object.keys(MEANINGS)) expect(errors).to.contain(`\`${code}\``);
  });

  it('refuses a document that has lost the place of a table', () => {
    expect(() => withTables('# Options\n', { options: '|' })).to.throw('no place');
  });
});
