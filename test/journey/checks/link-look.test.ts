import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { lookWithoutKey, tryLink } from '../../../src/journey/checks/link-look.js';
import type { ProofRequest } from '../../../src/journey/manager-link.js';
import { NOTHING_KNOWN } from '../../../src/keystore/notes/notes.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import type { AgentInstallation } from '../../../src/model/host.js';
import { type Dial, directDial } from '../../../src/net/connect.js';
import type { Lookup } from '../../../src/net/lookup.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../../src/sandbox/sandbox-events.js';
import type { ManagerSettings } from '../../../src/settings/settings.js';
import { failure, OLD, removeHome, scratchHome } from '../../keystore/scratch.js';
import { LOAD } from '../../load.js';
import { connectProxy } from '../../net/connect-proxy.js';
import { type Given, journeyOf } from '../journey-scene.js';

const CLOSED = { host: '127.0.0.1', port: 1 };
const REASON = new EnrollError('INTERRUPTED', 'Stop.');

describe('a look at the link', () => {
  let sandbox: Sandbox;
  let events: SandboxEvent[] = [];
  let known: AgentRecord;
  let agent: AgentInstallation;
  let names = 0;

  before(async () => {
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate: await issueStockCertificate(),
      keyReloadMs: 10,
      onEvent: (event) => events.push(event),
    });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
    known = sandbox.addAgent({ name: `web-${names}` });
    events = [];
  });
  afterEach(() => removeHome(agent));

  const manager = (more: Partial<ManagerSettings> = {}): ManagerSettings => ({
    agent: sandbox.endpoints.agent,
    protocol: 'tcp',
    enrollment: sandbox.endpoints.authd,
    ...more,
  });
  const journey = (one: ManagerSettings, given: Partial<Given> = {}) =>
    journeyOf({ agent, ...given, settings: { managers: [one], timeoutMs: 300, ...given.settings } });
  const request = (more: Partial<ProofRequest> = {}): ProofRequest => ({
    record: known,
    notes: NOTHING_KNOWN,
    waitMs: 300 * LOAD,
    ...more,
  });
  /** Counts how often a proof begins. */
  const counting = () => {
    const began: number[] = [];
    const dial = (timeoutMs: number) => {
      began.push(timeoutMs);
      return directDial(timeoutMs);
    };
    return { began, edge: { dial } };
  };
  /** Connects to nobody, as behind a firewall. */
  const hanging: Dial = (_endpoint, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

  describe('with the key', () => {
    it('tries the other protocol where the one that is set leads to nobody', async () => {
      const one = journey(manager(), { edge: { dial: () => hanging } });
      const look = await tryLink(one, request({ waitMs: 600 * LOAD }));
      expect(look).to.include({ kind: 'failed', over: 'udp' }).and.have.nested.property('error.code', 'LINK_SILENT');
    });
    it('tries no other protocol where the manager is there', async () => {
      const { began, edge } = counting();
      const look = await tryLink(journey(manager(), { edge }), request({ record: OLD }));
      expect(look).to.have.nested.property('error.code', 'LINK_NOT_ACKNOWLEDGED');
      expect(look).to.have.all.keys('kind', 'error', 'evidence');
      expect(began).to.have.length(1);
      expect(events.filter((event) => 'protocol' in event && event.protocol === 'udp')).to.deep.equal([]);
    });
    it('has no other protocol where none is set', async () => {
      const { began, edge } = counting();
      const nobody = journey(manager({ agent: CLOSED, protocol: 'auto' }), { edge, settings: { cipher: 'aes' } });
      const look = await tryLink(nobody, request());
      expect(look).to.include({ kind: 'failed' }).and.have.all.keys('kind', 'error', 'evidence');
      expect(began).to.have.length(1);
    });
    it('ends where the run is stopped, be it at the other protocol', async () => {
      const first = new AbortController();
      const refused: Dial = async () => {
        throw new EnrollError('CONNECTION_REFUSED', 'It is closed.');
      };
      const stopping: Dial = async (...given) => {
        first.abort(REASON);
        return await refused(...given);
      };
      const stopped = tryLink(journey(manager(), { signal: first.signal, edge: { dial: () => stopping } }), request());
      expect(await failure(stopped)).to.equal(REASON);

      const second = new AbortController();
      const lookup: Lookup = async () => {
        second.abort(REASON);
        return [{ address: '127.0.0.1', family: 4 }];
      };
      const edge = { dial: () => refused, lookup };
      const named = manager({ agent: { ...sandbox.endpoints.agent, host: 'siem.example' } });
      const later = tryLink(journey(named, { signal: second.signal, edge }), request());
      expect(await failure(later)).to.equal(REASON);
    });
    it('does not put a fault of this program down to the manager', async () => {
      const fault = new TypeError('It is undefined.');
      const faulty = {
        ...journey(manager()),
        observe: () => {
          throw fault;
        },
      };
      expect(await tryLink(faulty, request()).catch((thrown: unknown) => thrown)).to.equal(fault);
    });
  });

  describe('without a key', () => {
    const look = async (one: ManagerSettings, given: Partial<Given> = {}) => {
      const looked = await lookWithoutKey(journey(one, given), one, 'There is no key.');
      if (looked.kind !== 'looked') throw new Error('Nothing was looked at.');
      return looked;
    };
    it('tells what answers, and from which address this host is seen', async () => {
      const { evidence, ...rest } = await look(manager());
      expect(rest).to.deep.equal({ kind: 'looked', at: sandbox.endpoints.agent, why: 'There is no key.' });
      expect(evidence).to.include({ localAddress: '127.0.0.1' }).and.have.nested.property('conclusion.kind', 'remoted');
    });
    it('knows the enrollment service for what it is, on whichever port', async () => {
      const { evidence } = await look(manager({ agent: sandbox.endpoints.authd }));
      expect(evidence.conclusion).to.deep.equal({ kind: 'other-service', protocol: 'tcp', service: 'authd' });
      const elsewhere = { agent: sandbox.endpoints.authd, enrollment: { ...sandbox.endpoints.authd, port: 1515 } };
      const unknown = await look(manager(elsewhere));
      expect(unknown.evidence.conclusion).to.not.have.property('service', 'authd');
    });
    it('goes through the proxy over TCP alone, and does not take its connection for that of this host', async () => {
      const proxy = await connectProxy();
      try {
        const through = { settings: { proxy: proxy.settings } };
        const { evidence } = await look(manager({ protocol: 'auto' }), through);
        expect(evidence.conclusion.kind).to.equal('remoted');
        expect(evidence).to.not.have.any.keys('localAddress', 'udp');
        const closed = await look(manager({ agent: CLOSED, protocol: 'auto' }), through);
        expect(closed.evidence).to.not.have.property('udp');
      } finally {
        await proxy.close();
      }
    });
  });
});
