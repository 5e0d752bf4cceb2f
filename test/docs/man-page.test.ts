import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MAN_PAGE, manPage } from '../../docs/man-page.js';
import { OPTION_ROWS } from '../../src/settings/options.js';

describe('the man page', () => {
  it('is as the code has it (npm run docs writes it anew)', async () => {
    expect(await readFile(new URL(`../../docs/${MAN_PAGE}`, import.meta.url), 'utf8')).to.equal(manPage());
  });

  it('has every option', () => {
    for (const name of OPTION_ROWS.keys()) {
      const typed = name.replaceAll('-', '\\-');
      expect(manPage()).to.satisfy((page: string) =>
        [`\\fB\\-\\-${typed}\\fR`, `\\fB\\-\\-no\\-${typed}\\fR`].some((flag) => page.includes(flag)),
      );
    }
  });
});
