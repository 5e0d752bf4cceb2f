import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SaxesParser } from 'saxes';
import { drawFleet } from '../../../bench/fleet/plot.js';
import { readResults } from '../../../bench/fleet/results.js';

describe('the plot of the fleet', () => {
  it('is what the results make (npm run docs draws it anew)', async () => {
    const drawn = await readFile(new URL('../../../docs/fleet.svg', import.meta.url), 'utf8');
    expect(drawn).to.equal(drawFleet(readResults()));
  });

  it('is XML with a curve for each way, which rises to all', () => {
    const results = readResults();
    const curves: string[] = [];
    const parser = new SaxesParser();
    parser.on('error', (error) => {
      throw error;
    });
    parser.on('opentag', ({ name, attributes }) => {
      if (name === 'polyline') curves.push(String(attributes['points']));
    });
    parser.write(drawFleet(results)).close();
    expect(curves).to.have.length(results.runs.length);
    for (const curve of curves) {
      const heights = curve.split(' ').map((point) => Number(point.split(',')[1]));
      expect(heights, 'from the bottom to the top').to.deep.equal([...heights].sort((a, b) => b - a));
      expect(heights.at(-1)).to.equal(36);
    }
  });
});

describe('the measured fleet', () => {
  it('was enrolled whole, and no host twice', () => {
    const { hosts, runs } = readResults();
    expect(runs).to.not.have.length(0);
    for (const { name, answered, agents, registered } of runs) {
      expect({ name, answered, agents, registered }).to.deep.equal({
        name,
        answered: hosts,
        agents: hosts,
        registered: hosts,
      });
    }
  });
});
