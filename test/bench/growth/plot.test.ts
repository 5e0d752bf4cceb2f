import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SaxesParser } from 'saxes';
import { drawGrowth } from '../../../bench/growth/plot.js';
import { readGrowth } from '../../../bench/growth/results.js';

describe('the plot of growth', () => {
  it('is what the results make (npm run docs draws it anew)', async () => {
    const drawn = await readFile(new URL('../../../docs/growth.svg', import.meta.url), 'utf8');
    expect(drawn).to.equal(drawGrowth(readGrowth()));
  });

  it('is XML with two curves for each thing that grows, a point for each size', () => {
    const { series } = readGrowth();
    const curves: number[] = [];
    const parser = new SaxesParser();
    parser.on('error', (error) => {
      throw error;
    });
    parser.on('opentag', ({ name, attributes }) => {
      if (name === 'polyline') curves.push(String(attributes['points']).split(' ').length);
    });
    parser.write(drawGrowth(readGrowth())).close();
    expect(curves).to.deep.equal(series.flatMap(({ points }) => [points.length, points.length]));
  });
});

describe('the measured growth', () => {
  it('is none, or no more than a straight line has', () => {
    for (const { name, of, points } of readGrowth().series) {
      const [least, most] = [points[0], points.at(-1)];
      if (least === undefined || most === undefined) throw new Error(`${name} has no points.`);
      for (const [at, point] of points.entries()) {
        const next = points[at + 1];
        if (next === undefined) continue;
        // As a line through the least and this one goes on; what it takes with the least is room for what else there is.
        const added = point.processorMs[1] - least.processorMs[1];
        const expected = least.processorMs[1] + added * (next.size / point.size);
        expect(next.processorMs[1], `${name}, ${next.size} ${of}`).to.be.below(expected + least.processorMs[1]);
      }
    }
  });
});
