import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

describe('the page of the architecture', () => {
  let page = '';
  before(async () => {
    page = await readFile(join(PROJECT, 'docs/architecture.md'), 'utf8');
  });

  it('names no file that is not there', () => {
    const named = [...page.matchAll(/`((?:src|test|docs|scripts)\/[^`\s]*)`/g)].map(([, path = '']) => path);
    const real = named.filter((path) => !path.includes('NAME'));
    expect(real).to.not.be.empty;
    expect(real.filter((path) => !existsSync(join(PROJECT, path)))).to.deep.equal([]);
    const linked = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => join(PROJECT, 'docs', path));
    expect(linked.filter((path) => !existsSync(path))).to.deep.equal([]);
  });

  it('says of every room what it is for', async () => {
    const described = [...page.matchAll(/^- (\*\*.*?\*\*):/gm)].flatMap(([, rooms = '']) =>
      [...rooms.matchAll(/`([^`]+)`/g)].map(([, room]) => room),
    );
    expect(described).to.have.members(['bin', ...(await readdir(join(PROJECT, 'src')))]);
  });

  it('has the steps of the journey, each a file', async () => {
    const steps = [...page.matchAll(/^\d\. \*\*([a-z ]+)\*\*:/gm)].map(([, step = '']) => step.replace(' ', '-'));
    const enroll = await readFile(join(PROJECT, 'src/journey/enroll.ts'), 'utf8');
    const imported = [...enroll.matchAll(/^import \{.*\} from '\.\/([a-z-]+)\.js';/gm)].map(([, file]) => file);
    expect(steps).to.have.members(imported);
  });

  it('names rules that there are', async () => {
    const config = await readFile(join(PROJECT, '.dependency-cruiser.js'), 'utf8');
    const rows = page
      .split('\n')
      .filter((line) => line.includes('dependency-cruiser.js`)') || /^\| .*\| `[a-z…]/.test(line));
    const rules = rows.flatMap((row) =>
      [...(row.split('|')[2] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, rule = '']) => rule),
    );
    expect(rules).to.include('no-circle');
    expect(rules.filter((rule) => !config.includes(`'${rule}'`))).to.deep.equal([]);
  });
});
