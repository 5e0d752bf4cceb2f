import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import { type ProofRequest, proveLinkAtAny } from '../../src/journey/manager-link.js';
import { NOTHING_KNOWN, type WorkingLink } from '../../src/keystore/notes/notes.js';
import { LinkError } from '../../src/link/link-error.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import { endpointKey } from '../../src/model/endpoint.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { directDial } from '../../src/net/connect.js';
import type { Lookup } from '../../src/net/lookup.js';
import type { Discovery } from '../../src/obtain/https/discovery.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import type { HttpsSandbox } from '../../src/sandbox/https/options.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { ManagerSettings, Settings } from '../../src/settings/settings.js';
import { systemError, watched } from '../files/faulty.js';
import { failure, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { LOAD } from '../load.js';
import { journeyOf, type ToldJourney } from './journey-scene.js';

const CLOSED = { host: '127.0.0.1', port: 1 };
const at = (agent: ManagerSettings['agent'], protocol: ManagerSettings['protocol'] = 'tcp'): ManagerSettings => ({
  agent,
  protocol,
  enrollment: { ...agent, port: 1515 },
});
const NOT_THERE: Discovery = { kind: 'closed', error: new EnrollError('CONNECTION_REFUSED', 'It is closed.') };

/** Finds what a test says, and counts how often it is asked. */
class Told extends Discoveries {
  asked = 0;
  readonly #found: Promise<Discovery>;
  constructor(found: Discovery | Promise<Discovery>) {
    super();
    this.#found = Promise.resolve(found);
  }
  override of(): Promise<Discovery> {
    this.asked += 1;
    return this.#found;
  }
}

describe('the link to any of the managers', () => {
  let sandbox: Sandbox;
  let fifth: HttpsSandbox;
  let known: AgentRecord;
  let agent: AgentInstallation;
  let names = 0;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate: await issueStockCertificate(), keyReloadMs: 10 });
    fifth = await startHttpsSandbox({ certificates: await issueHttpsCertificates(), keyReloadMs: 10 });
  });
  after(() => Promise.all([sandbox.close(), fifth.close()]));
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
    known = sandbox.addAgent({ name: `web-${names}`, id: String(100 + names) });
    fifth.addAgent({ name: known.name, id: known.id, key: known.key });
  });
  afterEach(() => removeHome(agent));

  const of5 = () => ({ ...fifth.endpoints.https, prefix: 'wazuh-manager' });
  const found = (): Discovery => ({ kind: 'wazuh-5', manager: of5(), generation: 'tokens', ca: 'published' });
  const prove = async (
    managers: readonly ManagerSettings[],
    request: Partial<ProofRequest> = {},
    look: Discovery | Promise<Discovery> = NOT_THERE,
    settings: Partial<Settings> = {},
  ) => {
    const discoveries = new Told(look);
    const journey: ToldJourney = { ...journeyOf({ agent, settings: { managers, ...settings } }), discoveries };
    const proof = proveLinkAtAny(journey, managers, { record: known, notes: NOTHING_KNOWN, waitMs: 1500, ...request });
    return { journey, discoveries, proof };
  };
  const failing = async (...given: Parameters<typeof prove>) => failure((await prove(...given)).proof);

  it('is that to the first that acknowledges the key', async () => {
    const { journey, proof } = await prove([at(CLOSED), at(sandbox.endpoints.agent)], { waitMs: 300 * LOAD });
    expect(await proof)
      .to.include({ protocol: 'tcp', cipher: 'aes' })
      .and.deep.include({ endpoint: sandbox.endpoints.agent });
    expect(journey.kinds()).to.deep.equal(['proving', 'proving', 'proved']);
  });
  it('is that to the second where the name of the first has no address', async () => {
    const nameless = at({ host: 'siem.example', port: 1514 });
    const lookup: Lookup = (host) =>
      host === 'siem.example'
        ? Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }))
        : Promise.resolve([{ address: host, family: 4 }]);
    const edge = { lookup, dial: (timeoutMs: number) => directDial(timeoutMs, lookup) };
    const journey = journeyOf({ agent, edge });
    const request = { record: known, notes: NOTHING_KNOWN, waitMs: 500 * LOAD };
    const proof = proveLinkAtAny(journey, [nameless, at(sandbox.endpoints.agent)], request);
    expect(await proof).to.deep.include({ endpoint: sandbox.endpoints.agent });
  });
  it('is none without a manager', async () => {
    expect(await failing([])).to.include({ code: 'MANAGER_MISSING', message: 'No manager is named.' });
  });

  describe('that none of them acknowledges', () => {
    const unknown = { record: OLD, waitMs: 250 * LOAD };
    it('fails as it did where there is one', async () => {
      const error = await failing([at(CLOSED)], unknown);
      expect(error).to.be.instanceOf(LinkError).and.include({ code: 'LINK_PORT_CLOSED' });
      expect(error.message).to.match(/^The agent port of the manager is closed \(127\.0\.0\.1:1\)\./);
    });
    it('fails as it did at the one that is there, and tells of the others', async () => {
      for (const managers of [
        [at(CLOSED), at(sandbox.endpoints.agent)],
        [at(sandbox.endpoints.agent), at(CLOSED)],
      ]) {
        const error = await failing(managers, unknown);
        expect(error).to.be.instanceOf(LinkError).and.include({ code: 'LINK_NOT_ACKNOWLEDGED' });
        expect(error.message).to.match(
          /^The manager's remoted is there \(.* 127\.0\.0\.1:1: The agent port of the manager is closed/,
        );
        expect(error.message.split("The manager's remoted is there")).to.have.length(2);
        expect(error.cause).to.be.instanceOf(LinkError).and.include({ code: 'LINK_NOT_ACKNOWLEDGED' });
        expect(error.hint).to.contain('manager');
      }
    });
    it('fails as it did at another service rather than at a closed port', async () => {
      const { authd } = sandbox.endpoints;
      const error = await failing([at(CLOSED), { ...at(authd), enrollment: authd }], unknown);
      expect(error.code).to.equal('LINK_OTHER_SERVICE');
    });
    it('fails as it did at what takes connections and closes them, rather than at another service', async () => {
      const balancer = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1');
      await once(balancer, 'listening');
      try {
        const { authd } = sandbox.endpoints;
        const { port } = balancer.address() as AddressInfo;
        const managers = [{ ...at(authd), enrollment: authd }, at({ host: '127.0.0.1', port })];
        const error = await failing(managers, { ...unknown, waitMs: 700 * LOAD });
        expect(error.code).to.equal('LINK_UNANSWERED');
      } finally {
        balancer.close();
      }
    });
    it('fails as it did at the first, where all are alike', async () => {
      const managers = [at(CLOSED), at({ ...CLOSED, port: 2 }), at({ ...CLOSED, port: 3 })];
      const error = await failing(managers, { ...unknown, waitMs: 150 * LOAD });
      expect(error.message).to.match(
        /^The agent port of the manager is closed \(127\.0\.0\.1:1\).* 127\.0\.0\.1:2: .*\. 127\.0\.0\.1:3: /,
      );
    });
    it('is not looked for any further where it is no matter of the link', async () => {
      await writeFile(agent.counterFile, '1:1:');
      const disk = watched(nodeFileEdge(), (operation, path) => {
        if (operation === 'read' && path === agent.counterFile) throw systemError('EIO');
      });
      const journey = journeyOf({ agent, disk });
      const error = await failure(
        proveLinkAtAny(journey, [at(CLOSED), at(CLOSED)], { record: OLD, notes: NOTHING_KNOWN, waitMs: 100 * LOAD }),
      );
      expect(error.exitCode).to.equal(6);
      expect(journey.kinds()).to.deep.equal(['proving']);
    });
    it('ends with the reason where the run is stopped', async () => {
      const stop = new AbortController();
      const journey = journeyOf({ agent, signal: stop.signal });
      const reason = new EnrollError('DEADLINE_PASSED', 'Late.');
      const observe: typeof journey.observe = (event) => {
        if (event.kind === 'attempt') stop.abort(reason);
      };
      const request = { record: OLD, notes: NOTHING_KNOWN, waitMs: 5000 };
      const error = await failure(proveLinkAtAny({ ...journey, observe }, [at(sandbox.endpoints.agent)], request));
      // A key is there, so nobody says that nothing was installed.
      expect(error).to.include({ code: 'LINK_SILENT', cause: reason });
    });
    it('ends with the reason alone, be it a Wazuh 5 that has not answered', async () => {
      const stop = new AbortController();
      const reason = new EnrollError('INTERRUPTED', 'Stop.');
      const journey = journeyOf({ agent, signal: stop.signal });
      const observe: typeof journey.observe = ({ kind }) => {
        if (kind === 'attempt') stop.abort(reason);
      };
      const discoveries = new Told(NOT_THERE);
      const request = { record: OLD, notes: NOTHING_KNOWN, waitMs: 5000, family: 'wazuh-5' as const };
      const managers = [at(sandbox.endpoints.agent, 'auto')];
      expect(await failure(proveLinkAtAny({ ...journey, observe, discoveries }, managers, request))).to.equal(reason);
    });
    it('says so where a program stops it and gives no reason', async () => {
      const stop = new AbortController();
      const journey = journeyOf({ agent, signal: stop.signal });
      const observe: typeof journey.observe = ({ kind }) => {
        if (kind === 'attempt') stop.abort();
      };
      const request = { record: OLD, notes: NOTHING_KNOWN, waitMs: 5000 };
      const managers = [at(sandbox.endpoints.agent), at(CLOSED)];
      expect(await failure(proveLinkAtAny({ ...journey, observe }, managers, request))).to.include({
        code: 'INTERRUPTED',
      });
    });
  });

  describe('to a manager that takes messages', () => {
    const auto = () => at(sandbox.endpoints.agent, 'auto');
    const links = (worked: WorkingLink) => new Map([[endpointKey(sandbox.endpoints.agent), worked]]);

    it('looks for a Wazuh 5 beside that only where nothing tells that it is none', async () => {
      for (const [request, asked] of [
        [{}, 1],
        [{ family: 'wazuh-4' }, 1],
        [{ family: 'wazuh-5' }, 1],
        [{ family: 'wazuh-3' }, 0],
        [{ family: 'ossec' }, 0],
        [{ links: links({ protocol: 'tcp', cipher: 'aes' }) }, 0],
        [{ links: new Map() }, 1],
      ] as const) {
        const { proof, discoveries } = await prove([auto()], request);
        expect(await proof).to.deep.include({ endpoint: sandbox.endpoints.agent });
        expect(discoveries.asked, JSON.stringify(request)).to.equal(asked);
      }
    });
    it('tries first what worked before', async () => {
      const worked = links({ protocol: 'udp', cipher: 'blowfish' });
      const { proof, journey } = await prove([auto()], { links: worked });
      await proof;
      expect(journey.told[1]).to.deep.equal({ kind: 'attempt', number: 1, protocol: 'udp' });
    });
    it('tells to whom messages go, and for how long', async () => {
      const { proof, journey } = await prove([auto()]);
      await proof;
      expect(journey.told[0]).to.deep.equal({ kind: 'proving', endpoint: sandbox.endpoints.agent, waitMs: 1500 });
    });
    it('does not ask again over HTTPS once the manager has refused the key in words', async () => {
      const worked = new Map([[endpointKey(CLOSED), { protocol: 'tcp', cipher: 'aes' } as const]]);
      const closed = await prove([at(CLOSED, 'auto')], { links: worked, waitMs: 200 * LOAD });
      expect(await failure(closed.proof)).to.include({ exitCode: 7 });
      expect(closed.discoveries.asked).to.equal(1);
      const refusing = { ...agent, version: 'v4.99.0' };
      const discoveries = new Told(NOT_THERE);
      const journey = { ...journeyOf({ agent: refusing }), discoveries };
      const request = { record: known, notes: NOTHING_KNOWN, waitMs: 1500, family: 'wazuh-3' as const };
      expect(await failure(proveLinkAtAny(journey, [auto()], request))).to.include({ code: 'LINK_VERSION_REFUSED' });
      expect(discoveries.asked).to.equal(0);
    });
    it('does not put a fault of this program down to the manager', async () => {
      const fault = new TypeError('It is undefined.');
      for (const family of ['wazuh-3', 'wazuh-5'] as const) {
        const journey = {
          ...journeyOf({ agent }),
          discoveries: new Told(NOT_THERE),
          observe: () => {
            throw fault;
          },
        };
        const request = { record: known, notes: NOTHING_KNOWN, waitMs: 300 * LOAD, family };
        const ended = await proveLinkAtAny(journey, [auto()], request).catch((thrown: unknown) => thrown);
        expect(ended).to.equal(fault);
      }
    });
  });

  describe('to a Wazuh 5', () => {
    const trusted = { trust: { insecure: true } };
    const auto = () => at(CLOSED, 'auto');
    const expected = () => ({ protocol: 'https', family: 'wazuh-5' });
    const links = (worked: WorkingLink) => new Map([[endpointKey(CLOSED), worked]]);
    const AS_5: WorkingLink = { protocol: 'https', port: 0, prefix: 'wazuh-manager' };

    it('takes the port that the settings name, or that has issued the key', async () => {
      const named = await prove([{ ...at(CLOSED), https: of5() }], {}, NOT_THERE, trusted);
      expect(await named.proof)
        .to.include(expected())
        .and.deep.include({ endpoint: CLOSED, https: of5() });
      expect(named.journey.told.find(({ kind }) => kind === 'proving')).to.deep.equal({
        kind: 'proving',
        endpoint: fifth.endpoints.https,
        waitMs: 1500,
        https: true,
      });
      const issuer = at(CLOSED);
      const issued = await prove([issuer], { https: { of: issuer, manager: of5() }, fresh: true }, NOT_THERE, trusted);
      expect(await issued.proof).to.include(expected());
      expect([named.discoveries.asked, issued.discoveries.asked]).to.deep.equal([0, 0]);
    });
    it('takes the port that worked before', async () => {
      const worked = { ...AS_5, port: fifth.endpoints.https.port };
      const { proof, discoveries } = await prove([auto()], { links: links(worked) }, NOT_THERE, trusted);
      expect(await proof).to.include(expected());
      expect(discoveries.asked).to.equal(0);
    });
    it('takes the port that is found beside the messages', async () => {
      const { proof, journey } = await prove([auto()], { waitMs: 60_000 }, found(), trusted);
      expect(await proof).to.include(expected());
      expect(journey.kinds()).to.deep.equal(['proving', 'proving', 'proved']);
    });
    it('is found after an upgrade, where messages worked before', async () => {
      const worked: WorkingLink = { protocol: 'tcp', cipher: 'aes' };
      const { proof } = await prove([auto()], { links: links(worked), waitMs: 300 * LOAD }, found(), trusted);
      expect(await proof).to.include(expected());
    });
    it('is found where its port for old agents does not know the key', async () => {
      const old = at(sandbox.endpoints.agent, 'auto');
      const record = fifth.addAgent({ name: `new-${names}`, id: String(500 + names) });
      const before = new Map([[endpointKey(old.agent), { protocol: 'tcp', cipher: 'aes' } as const]]);
      const { proof } = await prove([old], { record, links: before, waitMs: 500 * LOAD }, found(), trusted);
      expect(await proof).to.include(expected());
    });
    it('shows nothing of a key that is not new', async () => {
      const state = () => fifth.agents().find(({ id }) => id === known.id)?.state;
      const before = state();
      await (await prove([{ ...at(CLOSED), https: of5() }], {}, NOT_THERE, trusted)).proof;
      expect(state()).to.equal(before);
      await (await prove([{ ...at(CLOSED), https: of5() }], { fresh: true }, NOT_THERE, trusted)).proof;
      expect(state()).to.not.equal(before);
    });
    it('is no way for messages, where somebody says how they are to be sent', async () => {
      const one = at(sandbox.endpoints.agent, 'auto');
      const before = new Map([[endpointKey(one.agent), AS_5]]);
      const { proof, journey } = await prove([one], { links: before }, NOT_THERE, { ...trusted, cipher: 'aes' });
      expect(await proof).to.include({ protocol: 'tcp', cipher: 'aes' });
      expect(journey.told[1]).to.deep.equal({ kind: 'attempt', number: 1, protocol: 'tcp' });
    });
    it('is found where the old families are not what they were', async () => {
      const { proof } = await prove([auto()], { family: 'wazuh-3', waitMs: 300 * LOAD }, found(), trusted);
      expect(await proof).to.include(expected());
    });
    it('is not looked for where somebody says how messages are to be sent', async () => {
      const set = await prove([at(CLOSED)], { waitMs: 200 * LOAD }, found(), trusted);
      expect(await failure(set.proof)).to.include({ code: 'LINK_PORT_CLOSED' });
      const cipher = await prove([auto()], { waitMs: 200 * LOAD }, found(), { ...trusted, cipher: 'aes' });
      expect((await failure(cipher.proof)).exitCode).to.equal(7);
      expect([set.discoveries.asked, cipher.discoveries.asked]).to.deep.equal([0, 0]);
    });
    it('is said to be one where it answers neither way', async () => {
      const error = await failing([auto()], { family: 'wazuh-5', waitMs: 200 * LOAD });
      expect(error).to.be.instanceOf(LinkError);
      expect(error.message).to.match(
        / This manager is a Wazuh 5, whose agents connect over HTTPS: 127\.0\.0\.1:1517 is closed, so it is not a Wazuh 5\.$/,
      );
      expect(error.hint).to.equal(
        'The key is installed. Check that port 1517 (TCP) of the manager can be reached, or name its endpoint: --manager https://HOST[:PORT]. Agents of 4.x use port 1514, where <legacy> in <remote> is enabled on the manager.',
      );
      const late = await failing([auto()], { family: 'wazuh-5', waitMs: 200 * LOAD }, new Promise(() => {}));
      expect(late.message).to.match(/over HTTPS: 127\.0\.0\.1:1517 has not answered\.$/);
      const other = await failing([auto()], { family: 'wazuh-4', waitMs: 200 * LOAD });
      expect(other.message).to.not.contain('Wazuh 5');
    });
  });
});
