import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SaxesParser } from 'saxes';
import { drawJourney } from '../../docs/pictures/journey.js';
import { drawStates } from '../../docs/pictures/states.js';
import { drawTerminal, THEMES } from '../../docs/pictures/terminal.js';
import { hasTmux } from '../e2e/pane.js';
import { recordTerminal } from './recording.js';

const PICTURES = new URL('../../docs/pictures/', import.meta.url);
const LARGEST = 40_000;
/** What could load or run something. */
const FOREIGN = /^(script|image|use|foreignObject|a|style|iframe)$/;

const read = (name: string) => readFile(new URL(name, PICTURES), 'utf8');

/** The elements of a picture with their attributes, and the text in each. @throws Error where it is no XML */
function elementsOf(svg: string) {
  const elements: { readonly name: string; readonly attributes: Record<string, unknown>; text: string }[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => elements.push({ name, attributes, text: '' }));
  parser.on('text', (text) => {
    const last = elements.at(-1);
    if (last !== undefined && text.trim() !== '') last.text += text;
  });
  parser.write(svg).close();
  return elements;
}

describe('the pictures', () => {
  it('are what the code draws (npm run docs draws them anew)', async () => {
    expect(await read('journey.svg')).to.equal(drawJourney());
    expect(await read('states.svg')).to.equal(drawStates());
  });

  it('of the terminal are what a real run shows in one (npm run pictures draws them anew)', async function () {
    if (!hasTmux()) this.skip();
    this.timeout(60_000);
    const screens = await recordTerminal();
    for (const theme of ['light', 'dark'] as const) {
      expect(await read(`terminal-${theme}.svg`)).to.equal(drawTerminal(screens, theme));
    }
  });

  it('are small, load nothing, run nothing, and tell their content to those who cannot see them', async () => {
    const names = (await readdir(PICTURES)).filter((name) => name.endsWith('.svg'));
    expect(names).to.have.members(['journey.svg', 'states.svg', 'terminal-dark.svg', 'terminal-light.svg']);
    for (const name of names) {
      const svg = await read(name);
      expect(svg.length, name).to.be.below(LARGEST);
      const elements = elementsOf(svg);
      const [root, title, desc] = elements;
      expect(root?.attributes, name).to.include({ role: 'img', 'aria-labelledby': 'title desc' });
      expect(root?.attributes['font-family'], name).to.be.oneOf(['sans-serif', 'monospace']);
      expect(title?.name).to.equal('title');
      expect(desc?.name).to.equal('desc');
      for (const one of [title, desc]) expect(one?.text.length, name).to.be.above(20);
      for (const { name: element, attributes } of elements) {
        expect(element, name).to.not.match(FOREIGN);
        for (const attribute of Object.keys(attributes)) expect(attribute, name).to.not.match(/^on|href$|^style$/);
      }
    }
  });

  it('show the same terminal light and dark', async () => {
    const [light, dark] = [await read('terminal-light.svg'), await read('terminal-dark.svg')];
    const { light: day, dark: night } = THEMES;
    const swapped = light
      .replaceAll(day.background, '#')
      .replaceAll(day.ink, night.ink)
      .replaceAll('"#"', `"${night.background}"`);
    expect(swapped.replaceAll(day.edge, night.edge)).to.equal(dark);
  });

  it('of the states says in each cell what comes, in words', async () => {
    const texts = elementsOf(await read('states.svg')).filter(({ name }) => name === 'text');
    const cells = texts.filter(({ text }) => /^(not )?(proven|none came), \d$/.test(text));
    const impossible = texts.filter(({ text }) => text === 'cannot be');
    expect(cells.length + impossible.length, 'seven keys, nine managers and four daemons').to.equal(7 * 13);
  });
});
