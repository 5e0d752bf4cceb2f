import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type MessageRequest, protocolThrough, proveByMessages } from '../../src/journey/link-by-messages.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import type { ProxySettings } from '../../src/net/proxy-settings.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { ManagerSettings, Settings } from '../../src/settings/settings.js';
import { failure, removeHome, scratchHome } from '../keystore/scratch.js';
import { connectProxy } from '../net/connect-proxy.js';
import { journeyOf } from './journey-scene.js';

const proxy = (explicit: boolean): ProxySettings => ({
  endpoint: { host: 'proxy.example', port: 3128 },
  secure: false,
  explicit,
  except: [],
});

describe('over what a link is proven where a proxy applies', () => {
  for (const [what, given, protocol, family, chosen] of [
    ['there is no proxy', undefined, 'auto', 'wazuh-4', 'auto'],
    ['there is no proxy, of an OSSEC', undefined, 'auto', 'ossec', 'auto'],
    ['it was said', proxy(true), 'udp', 'wazuh-4', 'udp'],
    ['a proxy carries TCP only', proxy(false), 'auto', 'wazuh-4', 'tcp'],
    ['the family is not known', proxy(false), 'auto', undefined, 'tcp'],
    ['an OSSEC knows UDP only, and nobody named the proxy for this run', proxy(false), 'auto', 'ossec', 'udp'],
    ['somebody named the proxy for this run, be it an OSSEC', proxy(true), 'auto', 'ossec', 'tcp'],
  ] as const) {
    it(`is ${chosen} where ${what}`, () => {
      expect(protocolThrough(given, protocol, family)).to.equal(chosen);
    });
  }
});

describe('a link that is proven with messages', () => {
  let sandbox: Sandbox;
  let record: AgentRecord;
  let agent: AgentInstallation;
  let names = 0;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate: await issueStockCertificate(), keyReloadMs: 10 });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
    record = sandbox.addAgent({ name: `web-${names}` });
  });
  afterEach(() => removeHome(agent));

  const prove = (
    request: Partial<MessageRequest> = {},
    { settings = {}, of = agent, protocol = 'auto' }: Given = {},
  ) => {
    const journey = journeyOf({ agent: of, settings });
    const { authd, agent: remoted } = sandbox.endpoints;
    const manager: ManagerSettings = { agent: remoted, protocol, enrollment: authd };
    return { journey, proof: proveByMessages(journey, manager, { record, waitMs: 2000, ...request }) };
  };
  interface Given {
    readonly settings?: Partial<Settings>;
    readonly of?: AgentInstallation;
    readonly protocol?: ManagerSettings['protocol'];
  }

  it('tries first what worked before', async () => {
    for (const [worked, protocol] of [
      [undefined, 'tcp'],
      [{ protocol: 'udp', cipher: 'blowfish' }, 'udp'],
    ] as const) {
      const { journey, proof } = prove({ worked });
      await proof;
      expect(journey.told[0]).to.deep.equal({ kind: 'attempt', number: 1, protocol });
    }
  });
  it('names the version of the agent, which the manager may refuse', async () => {
    expect(await failure(prove({}, { of: { ...agent, version: 'v4.99.0' } }).proof)).to.include({
      code: 'LINK_VERSION_REFUSED',
    });
  });
  it('knows what an OSSEC cannot do', async () => {
    const { message } = await failure(prove({ family: 'ossec' }, { protocol: 'tcp' }).proof);
    expect(message).to.contain("is an OSSEC, whose agents' messages go over UDP only");
  });
  it('knows from which address the manager sees this host, unless there is a proxy between', async () => {
    expect(await prove().proof).to.include({ localAddress: '127.0.0.1' });
    const proxy = await connectProxy();
    try {
      expect(await prove({}, { settings: { proxy: proxy.settings } }).proof)
        .to.include({ protocol: 'tcp' })
        .and.not.to.have.property('localAddress');
    } finally {
      await proxy.close();
    }
  });
  it('leaves the counter at the last message, from which the agent goes on', async () => {
    const { journey, proof } = prove();
    await proof;
    const attempts = journey.told.filter(({ kind }) => kind === 'attempt');
    expect(attempts[0]).to.deep.equal({ kind: 'attempt', number: 1, protocol: 'tcp' });
    // The startups, and the shutdown.
    expect(await readFile(agent.counterFile, 'utf8')).to.equal(`0:${attempts.length + 1}:`);
  });
});
