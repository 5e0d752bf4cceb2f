import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { openGate } from '../journey/gate.js';
import { run, scratchHome } from './program.js';

describe('a name that the REST API refuses to a host with a key', function () {
  this.timeout(20_000);

  it('is a refusal: the API was not shown that key, so it is not tried again', async () => {
    const certificate = await issueStockCertificate();
    const unknowing = await startSandbox({ family: 'wazuh-4', certificate });
    // Whoever tried the key again after the refusal would find that it works by then.
    let refused = () => {};
    const sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 100,
      onEvent: (event) => {
        if (event.type === 'api request' && event.method === 'POST' && event.path === '/agents') refused();
      },
    });
    const gate = await openGate(sandbox.endpoints.agent);
    const scratch = await scratchHome();
    try {
      const { api } = sandbox;
      if (api === undefined) throw new Error('the sandbox has no API');
      const { host, port } = gate.endpoint;
      const args = [
        ...['--manager', `${host}:${port}`, '--protocol', 'tcp', '--agent-home', scratch.home, '--name', 'web-01'],
        ...['--api-url', api.url, '--api-user', 'wazuh', '--pin', api.fingerprint ?? '', '--json'],
      ];
      const env = { AGENT_ENROLL_API_PASSWORD: 'wazuh' };
      expect((await run(args, { env })).code).to.equal(0);
      const key = await readFile(scratch.keys, 'utf8');
      gate.leadTo(unknowing.endpoints.agent);
      refused = () => gate.leadTo(sandbox.endpoints.agent);
      const { code, stdout } = await run([...args, '--wait', '800ms'], { env });
      expect(JSON.parse(stdout).error?.code).to.equal('NAME_DUPLICATE');
      expect(code).to.equal(5);
      expect(await readFile(scratch.keys, 'utf8')).to.equal(key);
      expect(sandbox.agents()).to.have.length(1);
    } finally {
      await gate.close();
      await Promise.all([sandbox.close(), unknowing.close()]);
      await scratch.remove();
    }
  });
});
