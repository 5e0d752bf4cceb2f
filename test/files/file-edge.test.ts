import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { thrownBy } from './scratch.js';

describe('files/file-edge', () => {
  let edge: FileEdge;
  beforeEach(() => {
    edge = nodeFileEdge();
  });

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
  it('sees the processes of this system, and its files', async () => {
    expect(edge.processes.pid).to.equal(process.pid);
    const root = await edge.files.root('/');
    expect((await root.facts()).kind).to.equal('directory');
    await root.close();
  });
  it('takes icacls from the directory of Windows, where that is said or where it stands', async function () {
    if (process.platform === 'win32') this.skip();
    expect(String(await thrownBy(edge.acl.restrict('x')))).to.include('C:\\Windows\\System32\\icacls.exe');
    const said = nodeFileEdge('E:\\Win');
    expect(String(await thrownBy(said.acl.restrict('x')))).to.include('E:\\Win\\System32\\icacls.exe');
  });
});
