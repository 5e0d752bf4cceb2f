import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { changelogSection } from '../../scripts/release/changelog.js';
import { PROJECT, readPage } from './code-blocks.js';

describe('the changelog', () => {
  it('has what is new in this version, as a release takes it', async () => {
    const { version } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
    expect(changelogSection(await readPage('CHANGELOG.md'), version)).to.match(/^## \[.+\] - \d{4}-\d\d-\d\d\n\n### /);
  });

  it('has its versions from the newest to the oldest, each dated, and first what is not released', async () => {
    const headings = [...(await readPage('CHANGELOG.md')).matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading);
    const versions = headings.filter((heading) => heading !== '[Unreleased]');
    expect(headings.indexOf('[Unreleased]')).to.be.at.most(0);
    for (const version of versions) expect(version).to.match(/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
    const dates = versions.map((version) => version.slice(-10));
    expect(dates).to.deep.equal(dates.toSorted().reverse());
  });
});
