import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { nodeEdge } from '../../../src/files/file-edge.js';
import { beginRequest, endRequest, unfinishedRequest } from '../../../src/keystore/notes/journal.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { removeHome, scratchHome } from '../scratch.js';

const MANAGER = { host: 'siem.example.org', port: 1515 };

describe('the journal of a request', () => {
  let agent: AgentInstallation;
  const file = () => join(agent.home, '.agent-enroll.journal');

  beforeEach(async () => {
    agent = await scratchHome();
  });
  afterEach(() => removeHome(agent));

  it('tells the next run of a request that did not end', async () => {
    const edge = { ...nodeEdge(), now: () => Date.UTC(2026, 0, 2, 3, 4, 5) };
    await beginRequest(agent, 'web-01', MANAGER, edge);
    expect(await unfinishedRequest(agent, edge)).to.deep.equal({
      name: 'web-01',
      manager: 'siem.example.org:1515',
      startedAt: '2026-01-02T03:04:05.000Z',
    });
    expect((await stat(file())).mode & 0o777).to.equal(0o600);
  });

  it('is gone when the request ended, and may end twice', async () => {
    await beginRequest(agent, 'web-01', MANAGER, nodeEdge());
    await endRequest(agent, nodeEdge());
    await endRequest(agent, nodeEdge());
    expect(await unfinishedRequest(agent, nodeEdge())).to.equal(undefined);
  });

  for (const text of ['', 'not json', '[]', '{"name":1}', '{"name":"web-01"}', 'x'.repeat(10_000)]) {
    it(`still tells that there was a request where it cannot be read: ${text.slice(0, 20)}`, async () => {
      await writeFile(file(), text);
      expect(await unfinishedRequest(agent, nodeEdge())).to.have.all.keys('name', 'manager', 'startedAt');
    });
  }
});
