import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { PROJECT, pagePaths, readPage } from './code-blocks.js';

/** The anchor that a heading gets. */
function anchorOf(heading: string): string {
  const words = heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '');
  return words.replaceAll(' ', '-');
}

async function anchorsOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

describe('the pages', () => {
  it('link to nothing that is not there', async () => {
    const dead: string[] = [];
    for (const page of await pagePaths()) {
      const path = join(PROJECT, page);
      const text = (await readPage(page)).replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, '');
      for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? path : join(dirname(path), file);
        const isThere = existsSync(target) && (anchor === undefined || (await anchorsOf(target)).includes(anchor));
        if (!isThere) dead.push(`${page}: ${relative(PROJECT, target)}${anchor === undefined ? '' : `#${anchor}`}`);
      }
    }
    expect(dead).to.deep.equal([]);
  });
});
