import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { identifyEdge, nodeJourneyEdge } from '../../src/journey/journey-edge.js';
import type { Lookup } from '../../src/net/lookup.js';
import { never } from '../host/fake-system.js';

describe('the real edge of a journey', () => {
  /** An edge, and the names that it has asked for. */
  const edgeOf = () => {
    const asked: string[] = [];
    const lookup: Lookup = async (host) => {
      asked.push(host);
      return [{ address: '127.0.0.1', family: 4 }];
    };
    return { asked, edge: nodeJourneyEdge({}, lookup) };
  };

  it('has numbers as real agents write them, and bytes that are new each time', () => {
    const { random, jti } = nodeJourneyEdge({});
    const digits = Array.from({ length: 200 }, random.digits);
    for (const each of digits) expect(each).to.match(/^\d{5}$/);
    expect(digits.every((each) => Number(each) < 65_536)).to.equal(true);
    expect(new Set(digits).size).to.be.greaterThan(100);
    for (const bytes of [random.iv, jti]) {
      expect(bytes()).to.have.length(16);
      expect(bytes()).to.not.deep.equal(bytes());
    }
  });
  it('has a clock that never goes back', () => {
    const { now } = nodeJourneyEdge({});
    const before = now();
    expect(before).to.be.within(0, performance.now());
    expect(now()).to.be.at.least(before);
  });
  it('takes a step as it is, where nobody holds interruptions back', async () => {
    expect(await nodeJourneyEdge({}).uninterrupted(async () => 'written')).to.equal('written');
  });
  it('knows where Windows keeps things by the variables that tell it', () => {
    const environment = { ProgramFiles: 'D:\\P', 'ProgramFiles(x86)': 'D:\\P86', SystemRoot: 'D:\\W' };
    expect(nodeJourneyEdge(environment).system.directories).to.deep.equal({
      programFiles: 'D:\\P',
      programFilesX86: 'D:\\P86',
      systemRoot: 'D:\\W',
    });
  });
  it('finds the address of a name once for all that connect to it', async () => {
    const { asked, edge } = edgeOf();
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const endpoint = { host: 'siem.example', port };
      for (const timeoutMs of [1000, 2000]) (await edge.dial(timeoutMs)(endpoint, never)).destroy();
      expect(await edge.lookup('siem.example')).to.deep.equal([{ address: '127.0.0.1', family: 4 }]);
      const routes = await identifyEdge(edge, 1000).findRoutes(endpoint, never);
      expect(routes).to.deep.equal([{ local: '127.0.0.1', manager: '127.0.0.1' }]);
      expect(asked).to.deep.equal(['siem.example']);
    } finally {
      server.close();
    }
  });
  it('finds what there is to say of this host on the same system', () => {
    const { edge } = edgeOf();
    expect(identifyEdge(edge, 1000).system).to.equal(edge.system);
  });
});
