import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import { askedAt } from '../../src/journey/key-sources.js';
import type { KeyToReplace } from '../../src/journey/present-key.js';
import { waysToAsk } from '../../src/journey/ways-to-ask.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import type { Discovery } from '../../src/obtain/https/discovery.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import type { ManagerSettings, Settings } from '../../src/settings/settings.js';
import { failure, NEW, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { type Given, journeyOf, note, REQUEST, step, type ToldJourney } from './journey-scene.js';

const NONE: KeyToReplace = { works: false };
const CLOSED = { host: '127.0.0.1', port: 1 };
const ERROR = new EnrollError('CONNECTION_REFUSED', 'It is closed.');
const FOUND: Discovery = {
  kind: 'wazuh-5',
  manager: { host: '127.0.0.1', port: 2517, prefix: 'gw' },
  generation: 'tokens',
  ca: 'published',
};
const PLAIN: ManagerSettings = { agent: { host: '127.0.0.1', port: 1514 }, protocol: 'auto', enrollment: CLOSED };
const API = { user: 'wazuh', password: new Secret(Buffer.from('x')) } as const;

/** Finds what a test says. */
class Told extends Discoveries {
  readonly #found: Promise<Discovery>;
  constructor(found: Discovery | Promise<Discovery>) {
    super();
    this.#found = Promise.resolve(found);
  }
  override of(): Promise<Discovery> {
    return this.#found;
  }
}

describe('the ways to ask a manager for a key', () => {
  let agent: AgentInstallation;
  let open: Sandbox;
  let server: Server | undefined;
  before(async () => {
    open = await startSandbox({ family: 'wazuh-4' });
  });
  after(() => open.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
  });
  afterEach(() => {
    server?.close();
    return removeHome(agent);
  });

  const discover = { use: 'authd', why: 'the default', discover: true } as const;
  const toAsk = async (
    manager: ManagerSettings,
    settings: Partial<Settings>,
    found: Discovery | Promise<Discovery> = { kind: 'closed', error: ERROR },
    replaced = NONE,
    given: Partial<Given> = {},
  ) => {
    const journey: ToldJourney = {
      ...journeyOf({ agent, settings: { managers: [manager], ...settings }, ...given }),
      discoveries: new Told(found),
    };
    const ways: string[] = [];
    await step(journey, async (ready) => {
      for await (const { source, endpoint, reenroll } of waysToAsk(ready, manager, replaced)) {
        ways.push(`${source.method} ${endpoint.host}:${endpoint.port}${reenroll ? ' with its own secret' : ''}`);
      }
    });
    return { ways, journey };
  };
  const anchor = async () => {
    await mkdir(join(agent.home, 'etc/certs'), { recursive: true });
    await writeFile(join(agent.home, 'etc/certs/root-ca.pem'), 'a CA', { mode: 0o640 });
  };
  const secret = () => writeFile(join(agent.home, 'etc/reenroll.secret'), `001 ${'c'.repeat(64)}\n`, { mode: 0o640 });

  it('are its REST API alone, where that is to be used', async () => {
    const api = await toAsk(PLAIN, { api: API });
    expect(api.ways).to.deep.equal(['api 127.0.0.1:55000']);
    const named = await toAsk(PLAIN, { api: { ...API, url: 'https://api.example:444' } });
    expect(named.ways).to.deep.equal(['api api.example:444']);
  });
  it('are its authd alone, where nobody is to look for more', async () => {
    const { ways } = await toAsk(PLAIN, { method: { use: 'authd', why: 'it is said' } }, FOUND);
    expect(ways).to.deep.equal(['authd 127.0.0.1:1']);
  });
  it('are the port of a Wazuh 5 that is named as one', async () => {
    const https = { host: '127.0.0.1', port: 3517, prefix: '' };
    const { ways, journey } = await toAsk({ ...PLAIN, https }, { method: discover }, FOUND);
    expect(ways).to.deep.equal(['https 127.0.0.1:3517']);
    expect(journey.kinds()).to.not.include('method');
  });
  it('are what was found where it is to be asked over HTTPS, or the usual port', async () => {
    const method = { use: 'https', why: 'a token' } as const;
    expect((await toAsk(PLAIN, { method }, FOUND)).ways).to.deep.equal(['https 127.0.0.1:2517']);
    expect((await toAsk(PLAIN, { method })).ways).to.deep.equal(['https 127.0.0.1:1517']);
  });

  describe('of which nothing is known', () => {
    it('are authd, where no Wazuh 5 is there', async () => {
      const { ways, journey } = await toAsk(PLAIN, { method: discover });
      expect(ways).to.deep.equal(['authd 127.0.0.1:1']);
      expect(journey.kinds()).to.not.include('method');
    });
    it('are the port of a Wazuh 5 that shows itself, which is told', async () => {
      const { ways, journey } = await toAsk(PLAIN, { method: discover }, FOUND);
      expect(ways).to.deep.equal(['https 127.0.0.1:2517']);
      const [method] = journey.told.filter(({ kind }) => kind === 'method');
      expect(method).to.include({ kind: 'method', method: 'https' });
      expect(method)
        .to.have.property('why')
        .that.matches(/^auto: .*127\.0\.0\.1:2517/);
    });
    it('are authd first where that is open and the other port says nothing in time', async () => {
      const late = new Promise<Discovery>((resolve) => setTimeout(() => resolve(FOUND), 400));
      const { ways } = await toAsk({ ...PLAIN, enrollment: open.endpoints.authd }, { method: discover }, late);
      expect(ways).to.deep.equal([`authd 127.0.0.1:${open.endpoints.authd.port}`, 'https 127.0.0.1:2517']);
    });
    it('give the other port as long again as authd took, and a moment at least', async () => {
      const manager = { ...PLAIN, enrollment: open.endpoints.authd };
      const after = (ms: number) => new Promise<Discovery>((resolve) => setTimeout(() => resolve(FOUND), ms));
      for (const [took, comesAfter] of [
        [0, 15],
        [400, 120],
      ] as const) {
        let looks = 0;
        const now = () => (looks++ === 0 ? 0 : took);
        const { ways } = await toAsk(manager, { method: discover }, after(comesAfter), NONE, { edge: { now } });
        expect(ways).to.deep.equal(['https 127.0.0.1:2517']);
      }
    });
    it('are none once the run is to stop', async () => {
      const stop = new AbortController();
      const reason = new EnrollError('DEADLINE_PASSED', 'Too late.');
      const manager = { ...PLAIN, enrollment: open.endpoints.authd };
      let looks = 0;
      const now = () => {
        // Once authd is open.
        if (looks++ === 1) stop.abort(reason);
        return 0;
      };
      const silent = new Promise<Discovery>(() => {});
      const asked = toAsk(manager, { method: discover }, silent, NONE, { signal: stop.signal, edge: { now } });
      expect(await failure(asked)).to.equal(reason);
    });
    it('leave no connection to authd open', async () => {
      const authd = createServer();
      server = authd;
      const ended = new Promise<void>((resolve) => {
        authd.on('connection', (socket) =>
          socket
            .on('error', () => {})
            .on('close', () => resolve())
            .resume(),
        );
      });
      await once(authd.listen(0, '127.0.0.1'), 'listening');
      const { port } = authd.address() as AddressInfo;
      const connected = once(authd, 'connection').then(() => FOUND);
      await toAsk({ ...PLAIN, enrollment: { host: '127.0.0.1', port } }, { method: discover }, connected);
      await ended;
    });
    it('wait for the other port where authd is closed', async () => {
      const late = new Promise<Discovery>((resolve) => setTimeout(() => resolve(FOUND), 100));
      expect((await toAsk(PLAIN, { method: discover }, late)).ways).to.deep.equal(['https 127.0.0.1:2517']);
    });
    it('are none of a Wazuh 5 that is too old for anybody', async () => {
      const asked = toAsk(PLAIN, { method: discover }, { ...FOUND, generation: 'cmac' });
      expect(await failure(asked)).to.include({ code: 'MANAGER_UNSUPPORTED' });
      const { ways } = await toAsk(PLAIN, { method: discover }, { ...FOUND, generation: 'password' });
      expect(ways).to.deep.equal(['https 127.0.0.1:2517']);
    });
    it('are none that shows what only a file of others would have it shown', async () => {
      const origin = { kind: 'file', path: '/etc/conf' } as const;
      const said = (endpoint: Endpoint) => ({ endpoint, origin, secrets: [{ value: 'the password', origin }] });
      const error = await failure(toAsk(PLAIN, { method: discover, hearsay: [said(CLOSED)] }, FOUND));
      expect(error.message).to.contain('The password (/etc/conf)').and.contain('127.0.0.1:2517');
      const seen = { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05.000Z', other: {} };
      await note(agent, { managers: new Map([['127.0.0.1:2517', seen]]) });
      const known = await toAsk(PLAIN, { method: discover, hearsay: [said(CLOSED)] }, FOUND);
      expect(known.ways).to.deep.equal(['https 127.0.0.1:2517']);
      await note(agent, { managers: new Map() });
      // What is said of another service is no matter here.
      const { ways } = await toAsk(PLAIN, { method: discover, hearsay: [said({ host: 'x', port: 1 })] }, FOUND);
      expect(ways).to.deep.equal(['https 127.0.0.1:2517']);
    });
  });

  describe('where this host has what only a Wazuh 5 gives', () => {
    it('are its port and no other, found or not: its CA', async () => {
      await anchor();
      expect((await toAsk(PLAIN, { method: discover })).ways).to.deep.equal(['https 127.0.0.1:1517']);
      expect((await toAsk(PLAIN, { method: discover }, FOUND)).ways).to.deep.equal(['https 127.0.0.1:2517']);
      expect((await toAsk(PLAIN, { method: { use: 'authd', why: 'it is said' } })).ways).to.deep.equal([
        'authd 127.0.0.1:1',
      ]);
    });
    it('begin with its own secret, which keeps its id', async () => {
      await secret();
      const { ways } = await toAsk(PLAIN, { method: discover }, FOUND, { works: false, record: OLD });
      expect(ways).to.deep.equal(['https 127.0.0.1:2517 with its own secret', 'https 127.0.0.1:2517']);
    });
    it('are its port though it was not found, by its secret alone', async () => {
      await secret();
      const { ways } = await toAsk(PLAIN, { method: discover }, undefined, { works: false, record: OLD });
      expect(ways).to.deep.equal(['https 127.0.0.1:1517 with its own secret', 'https 127.0.0.1:1517']);
    });
    it('never begin with the secret of another agent', async () => {
      await secret();
      const { ways } = await toAsk(PLAIN, { method: discover }, FOUND, { works: false, record: NEW });
      expect(ways).to.deep.equal(['https 127.0.0.1:2517']);
    });
    it('begin with the secret of the agent that a killed run was given', async () => {
      await secret();
      await note(agent, { request: { ...REQUEST, startedAt: new Date().toISOString() } });
      const { ways } = await toAsk(PLAIN, { method: discover }, FOUND, { works: false, record: NEW });
      expect(ways[0]).to.equal('https 127.0.0.1:2517 with its own secret');
    });
    it('never begin with the secret of a machine that this one is a copy of', async () => {
      await secret();
      const { ways } = await toAsk(PLAIN, { method: discover }, FOUND, { works: false, record: OLD, copied: OLD });
      expect(ways).to.deep.equal(['https 127.0.0.1:2517']);
    });
  });
});

describe('where a manager is asked, as far as that is known before', () => {
  const settings = journeyOf({ agent: { platform: 'unix' } as AgentInstallation }).settings;
  const https = { host: '127.0.0.1', port: 3517, prefix: '' };
  for (const [what, given, manager, at] of [
    ['its authd', {}, PLAIN, CLOSED],
    ['the port of a Wazuh 5', {}, { ...PLAIN, https }, https],
    ['its REST API', { api: API }, { ...PLAIN, https }, { host: '127.0.0.1', port: 55_000 }],
    [
      'another REST API',
      { api: { ...API, url: 'https://api.example:444' } },
      PLAIN,
      { host: 'api.example', port: 444 },
    ],
  ] satisfies [string, Partial<Settings>, ManagerSettings, object][]) {
    it(`is ${what}`, () => {
      expect(askedAt({ ...settings, ...given }, manager)).to.deep.equal(at);
    });
  }
});
