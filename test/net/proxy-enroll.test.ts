import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { findAgent } from '../../src/host/agent-home.js';
import type { Enrollment } from '../../src/journey/conclude.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import { enroll } from '../../src/journey/enroll.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { nodeJourneyEdge } from '../../src/journey/journey-edge.js';
import { protocolThrough } from '../../src/journey/link-by-messages.js';
import { HTTPS_PORT } from '../../src/model/https-endpoint.js';
import type { SandboxFamily } from '../../src/sandbox/authd-protocol.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import type { OptionName } from '../../src/settings/options.js';
import { nodeSettingsEdge } from '../../src/settings/settings-edge.js';
import { settle } from '../../src/settings/settle.js';
import type { Environment } from '../../src/settings/sources.js';
import { connectProxy, type TestProxy } from './connect-proxy.js';
import { failure } from './expect-error.js';

const NAME = 'manager.example';
const cleanups: (() => Promise<unknown>)[] = [];

interface World {
  readonly sandbox: Sandbox;
  readonly proxy: TestProxy;
  readonly home: string;
  readonly url: string;
}

async function world(family: SandboxFamily): Promise<World> {
  const sandbox = await startSandbox({ family, keyReloadMs: 50 });
  cleanups.push(() => sandbox.close());
  const home = await mkdtemp(join(tmpdir(), 'agent-enroll-proxy-'));
  cleanups.push(() => rm(home, { recursive: true, force: true }));
  const proxy = await connectProxy({
    credentials: 'jill:s3cret',
    local: true,
  });
  cleanups.push(() => proxy.close());
  return { sandbox, proxy, home, url: `http://jill:s3cret@127.0.0.1:${proxy.settings.endpoint.port}` };
}

/** One run, as the command line settles it. */
async function run(
  { sandbox, home }: World,
  given: readonly (readonly [OptionName, string])[],
  environment: Environment = {},
): Promise<{ readonly outcome: Enrollment; readonly events: readonly JourneyEvent[] }> {
  const edge = nodeJourneyEdge({});
  const agent = await findAgent({ home }, edge.system);
  const flags = new Map<OptionName, string>([
    ['manager', `${NAME}:${sandbox.endpoints.agent.port}`],
    ['enrollment-port', String(sandbox.endpoints.authd.port)],
    ['name', 'web-01'],
    ['wait', '3s'],
    ...given,
  ]);
  const { settings } = await settle({
    command: 'enroll',
    flags,
    environment,
    agent,
    edge: nodeSettingsEdge(nodeFileEdge(), new AbortController().signal),
    warn: () => {},
  });
  const events: JourneyEvent[] = [];
  const observe = (event: JourneyEvent) => void events.push(event);
  const outcome = await enroll({
    settings,
    agent,
    edge,
    observe,
    discoveries: new Discoveries(),
    signal: AbortSignal.timeout(8000),
  });
  return { outcome, events };
}

const asked = ({ proxy }: World) => proxy.requests.map((head) => /^CONNECT (\S+)/.exec(head)?.[1]);

describe('Enrolling through a proxy', () => {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('takes authd and the proof over TCP through it, the name of the manager included', async () => {
    const here = await world('wazuh-4');
    const { outcome, events } = await run(here, [['proxy', here.url]]);
    expect(outcome.changed).to.equal(true);
    expect(outcome.link?.protocol).to.equal('tcp');
    expect(await readFile(join(here.home, 'etc', 'client.keys'), 'utf8')).to.match(/^001 web-01 any [0-9a-f]{64}\n$/);
    const { agent, authd } = here.sandbox.endpoints;
    const ports = [authd.port, agent.port, HTTPS_PORT];
    expect(new Set(asked(here))).to.deep.equal(new Set(ports.map((port) => `${NAME}:${port}`)));
    const identified = events.find((event) => event.kind === 'identified');
    expect(identified?.host.address.why).to.equal('any: the manager is reached through a proxy');
    expect(JSON.stringify(events)).not.to.include('s3cret');
  });

  it('does so with the proxy of the environment', async () => {
    const here = await world('wazuh-4');
    const { outcome } = await run(here, [], { https_proxy: here.url, NO_PROXY: 'other.example,10.0.0.0/8' });
    expect(outcome.link?.protocol).to.equal('tcp');
    expect(asked(here)).to.have.length.greaterThan(1);
  });

  it('leaves the proxy of the environment alone for a manager on this host', async () => {
    const here = await world('wazuh-4');
    const manager = `127.0.0.1:${here.sandbox.endpoints.agent.port}`;
    const { outcome } = await run(here, [['manager', manager]], { HTTPS_PROXY: here.url });
    expect(outcome.changed).to.equal(true);
    expect(asked(here)).to.deep.equal([]);
  });

  it('says at once that the key is installed and the proxy does not let the agent port through', async () => {
    const here = await world('wazuh-4');
    here.proxy.forbid(here.sandbox.endpoints.agent.port);
    const error = await failure('LINK_SILENT', () => run(here, [['proxy', here.url]]));
    expect(error.exitCode).to.equal(7);
    expect(error.message).to.include('refused a connection').and.to.include('403 Forbidden');
    expect(
      asked(here).filter((authority) => authority?.endsWith(`:${here.sandbox.endpoints.agent.port}`)),
    ).to.have.length(1);
    expect(await readFile(join(here.home, 'etc', 'client.keys'), 'utf8')).to.match(/^001 web-01 /);
  });

  it('leaves UDP alone, and takes TCP alone where nothing else is known', () => {
    const found = { endpoint: { host: 'proxy.example', port: 80 }, secure: false, explicit: false, except: [] };
    expect(protocolThrough(undefined, 'auto', 'ossec')).to.equal('auto');
    expect(protocolThrough(found, 'auto', undefined)).to.equal('tcp');
    expect(protocolThrough(found, 'auto', 'wazuh-4')).to.equal('tcp');
    expect(protocolThrough(found, 'udp', 'wazuh-4')).to.equal('udp');
    expect(protocolThrough(found, 'auto', 'ossec')).to.equal('udp');
    expect(protocolThrough({ ...found, explicit: true }, 'auto', 'ossec')).to.equal('tcp');
  });

  it('writes nothing where the proxy does not let authd through', async () => {
    const here = await world('wazuh-4');
    here.proxy.forbid(here.sandbox.endpoints.authd.port);
    const error = await failure('PROXY_REFUSED', () => run(here, [['proxy', here.url]]));
    expect(error.exitCode).to.equal(3);
    expect(here.sandbox.agents()).to.deep.equal([]);
  });
});
