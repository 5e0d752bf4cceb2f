import { expect } from 'chai';
import { describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';

describe('files/file-edge', () => {
  const edge = nodeFileEdge();

  it('is told the time by two clocks, of which one never goes back', () => {
    expect(Math.abs(edge.now() - Date.now())).to.be.lessThan(5000);
    const before = edge.monotonic();
    expect(before).to.be.within(0, performance.now());
    expect(edge.monotonic()).to.be.at.least(before);
  });
  it('waits as long as it is told', async () => {
    const began = performance.now();
    await edge.pause(20);
    expect(performance.now() - began).to.be.at.least(19);
  });
  it('waits no longer than the signal says, and does not fail over it', async () => {
    const began = performance.now();
    const stop = new AbortController();
    const waiting = edge.pause(60_000, stop.signal);
    stop.abort();
    await waiting;
    expect(performance.now() - began).to.be.lessThan(5000);
  });
  it('gives another token each time', () => {
    const tokens = Array.from({ length: 50 }, () => edge.token());
    for (const token of tokens) expect(token).to.match(/^[0-9a-f]{8}$/);
    expect(new Set(tokens).size).to.equal(50);
  });
  it('knows the user where there is one', () => {
    expect(edge.uid).to.equal(process.geteuid?.());
  });
});
