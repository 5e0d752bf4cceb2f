import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { assignGroups } from '../../src/journey/assign-groups.js';
import type { PreparedJourney } from '../../src/journey/context.js';
import { prove, proveKnown } from '../../src/journey/prove.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { issueHttpsCertificates } from '../../src/sandbox/https/certificates.js';
import { startHttpsSandbox } from '../../src/sandbox/https/manager.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { ManagerSettings, Settings } from '../../src/settings/settings.js';
import { failure, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { certificates } from '../net/certificates.js';
import { type Given, journeyOf, note, step, withDaemon } from './journey-scene.js';

const at = (port: number): ManagerSettings => ({
  agent: { host: '127.0.0.1', port },
  protocol: 'tcp',
  enrollment: { host: '127.0.0.1', port: 1515 },
});

describe('a key that lies in its place', () => {
  let sandbox: Sandbox;
  let known: AgentRecord;
  let agent: AgentInstallation;
  let names = 0;

  before(async () => {
    sandbox = await startSandbox({ family: 'wazuh-4', certificate: await issueStockCertificate(), keyReloadMs: 10 });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    names += 1;
    known = sandbox.addAgent({ name: `web-${names}` });
    await writeFile(agent.keysFile, line(known), { mode: 0o640 });
  });
  afterEach(() => removeHome(agent));

  const there = () => at(sandbox.endpoints.agent.port ?? 0);
  const doing = <T>(
    work: (ready: PreparedJourney) => Promise<T>,
    settings: Partial<Settings> = {},
    given: Partial<Given> = {},
  ) => {
    const journey = journeyOf({ agent, settings: { managers: [there()], waitMs: 2000, ...settings }, ...given });
    return { journey, came: step(journey, work) };
  };

  describe('is proven', () => {
    it('with the manager that issued it before all others', async () => {
      const managers = [at(1), there()];
      const { journey, came } = doing(
        (ready) => prove(ready, { key: { record: known }, ...(managers[1] && { manager: managers[1] }) }),
        {
          managers,
        },
      );
      expect(await came).to.have.deep.property('endpoint', sandbox.endpoints.agent);
      expect(journey.kinds()).to.deep.equal(['proving', 'proved']);
    });
    it('with the managers in their order where none of them issued it', async () => {
      const { came } = doing((ready) => prove(ready, { key: { record: known } }));
      expect(await came).to.have.deep.property('endpoint', sandbox.endpoints.agent);
    });
    it('with the others in their order after that', async () => {
      const managers = [at(1), at(2), at(3)];
      const issuer = managers[1];
      const { journey, came } = doing(
        (ready) => prove(ready, { key: { record: known }, ...(issuer && { manager: issuer }) }),
        { managers, waitMs: 50 },
      );
      expect(await failure(came)).to.include({ code: 'LINK_PORT_CLOSED' });
      const ports = journey.told.flatMap((event) => (event.kind === 'proving' ? [event.endpoint.port] : []));
      expect(ports).to.deep.equal([2, 1, 3]);
    });
    it('as a Wazuh 5 takes it that issued it, by the CA that it has shown', async () => {
      const fifth = await startHttpsSandbox({ certificates: await issueHttpsCertificates(), keyReloadMs: 10 });
      try {
        fifth.addAgent({ name: known.name, id: known.id, key: known.key });
        const belongings = { manager: { ...fifth.endpoints.https, prefix: 'wazuh-manager' }, anchor: fifth.ca };
        const manager = at(1);
        const { came } = doing((ready) => prove(ready, { key: { record: known, belongings }, manager }), {
          managers: [manager],
          trust: { insecure: false },
        });
        expect(await came)
          .to.include({ protocol: 'https', family: 'wazuh-5' })
          .and.deep.include({ endpoint: manager.agent, https: belongings.manager });
        const anothers = { ...belongings, anchor: certificates().ca.certificate };
        const fooled = doing((ready) => prove(ready, { key: { record: known, belongings: anothers }, manager }), {
          managers: [manager],
          trust: { insecure: false },
        });
        expect(await failure(fooled.came)).to.include({ code: 'CERTIFICATE_UNTRUSTED' });
      } finally {
        await fifth.close();
      }
    });
    it('by no agent that runs with the one before, whose ossec.conf names the manager that issued it now', async () => {
      await writeFile(
        agent.configFile,
        '<ossec_config><client><server><address>old</address></server></client></ossec_config>',
      );
      const managers = [at(1), at(2)];
      const issuer = managers[1];
      const facts = withDaemon(agent, 'connected');
      const { came } = doing(
        (ready) => prove(ready, { key: { record: known }, ...(issuer && { manager: issuer }) }),
        { managers, writeConfig: true },
        { facts },
      );
      expect(await failure(came)).to.include({ code: 'AGENT_RESTART_NEEDED' });
      expect(await readFile(agent.configFile, 'utf8')).to.contain('<port>2</port>');
    });
    it('with no message where no handshake is wanted', async () => {
      const { journey, came } = doing((ready) => prove(ready, { key: { record: known } }), { handshake: false });
      expect(await came).to.equal(undefined);
      expect(journey.kinds()).to.deep.equal([]);
    });
    it('by an agent that runs with it, which is remembered', async () => {
      await note(agent, { acknowledged: `${known.id} ${known.name}` });
      const facts = withDaemon(agent, 'connected');
      const { came } = doing((ready) => prove(ready, { key: { record: known }, changed: false }), {}, { facts });
      expect(await came).to.equal(undefined);
      expect(await readNotes(agent, nodeFileEdge())).to.have.property('daemon');
    });
    it('by no agent that runs with the one before', async () => {
      const facts = withDaemon(agent, 'connected');
      const { came } = doing((ready) => prove(ready, { key: { record: known } }), {}, { facts });
      expect(await failure(came)).to.include({ code: 'AGENT_RESTART_NEEDED' });
    });
  });

  describe('that authd says it knows', () => {
    const refusal = new EnrollError('NAME_DUPLICATE', 'The name is taken.');
    const knownAs = (record: AgentRecord) => ({
      kind: 'known' as const,
      outcome: { changed: false, record, tooWide: 'It was open.' },
      refusal,
    });
    it('is the outcome once it is acknowledged', async () => {
      const { came } = doing((ready) => proveKnown(ready, knownAs(known)), { waitMs: 60_000 });
      expect(await came)
        .to.include({ changed: false, tooWide: 'It was open.' })
        .and.have.nested.property('link.protocol', 'tcp');
    });
    it('is waited for no longer than a manager takes to read it', async () => {
      const { journey, came } = doing((ready) => proveKnown(ready, knownAs(known)), { waitMs: 60_000 });
      await came;
      expect(journey.told.find(({ kind }) => kind === 'proving')).to.have.property('waitMs', 12_000);
    });
    it('is no refusal where the run is stopped meanwhile', async () => {
      const stop = new AbortController();
      const reason = new EnrollError('INTERRUPTED', 'Stop.');
      const { came } = doing(
        (ready) => {
          const observe: typeof ready.observe = ({ kind }) => {
            if (kind === 'attempt') stop.abort(reason);
          };
          return proveKnown({ ...ready, observe, signal: stop.signal }, knownAs(OLD));
        },
        { waitMs: 5000 },
      );
      expect(await failure(came)).to.equal(reason);
    });
    it('is refused where it is not acknowledged, or must not be tried', async () => {
      const unknown = doing((ready) => proveKnown(ready, knownAs(OLD)), { waitMs: 200 });
      expect(await failure(unknown.came)).to.equal(refusal);
      const untried = doing((ready) => proveKnown(ready, knownAs(known)), { handshake: false });
      expect(await failure(untried.came)).to.equal(refusal);
      const facts = withDaemon(agent, 'connected');
      const beside = doing((ready) => proveKnown(ready, knownAs(known)), {}, { facts });
      expect(await failure(beside.came)).to.equal(refusal);
    });
  });

  describe('is put into its groups', () => {
    const key = (complete?: (signal: AbortSignal) => Promise<{ groups: string[]; warnings: string[] }>) => ({
      key: {
        method: 'api' as const,
        record: OLD,
        groups: [],
        warnings: [],
        ...(complete === undefined ? {} : { complete }),
      },
    });
    it('where the manager still owes it that', async () => {
      const { journey, came } = doing(
        async (ready) => {
          await assignGroups(ready, key());
          await assignGroups(
            ready,
            key(async () => ({ groups: ['linux'], warnings: ['Not all.'] })),
          );
        },
        { groups: ['linux', 'web'] },
      );
      await came;
      expect(journey.told).to.deep.equal([
        { kind: 'grouping', groups: ['linux', 'web'] },
        { kind: 'grouped', groups: ['linux'], warnings: ['Not all.'] },
      ]);
    });
    it('and the run ends where it is to stop meanwhile', async () => {
      const stop = new AbortController();
      const reason = new EnrollError('DEADLINE_PASSED', 'Late.');
      const { came } = doing((ready) =>
        assignGroups(
          { ...ready, signal: stop.signal },
          key(async () => {
            stop.abort(reason);
            return { groups: [], warnings: [] };
          }),
        ),
      );
      expect(await failure(came)).to.include({ code: 'LINK_SILENT', cause: reason });
    });
  });
});
