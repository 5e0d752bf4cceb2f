import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { enroll } from '../../src/journey/enroll.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { emptyReport, withEvent } from '../../src/journey/report.js';
import { type RetireOptions, retire } from '../../src/journey/retire.js';
import { installKey } from '../../src/keystore/client-keys.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import { systemError, watched } from '../files/faulty.js';
import { OLD_KEY, putWhole } from '../keystore/belongings-scene.js';
import { failure, filesBelow, line, OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import { passwordOf } from '../obtain/password.js';
import { type Gate, openGate } from './gate.js';
import { type Given, journeyOf, MACHINE, NOBODY, note, step, type ToldJourney, withDaemon } from './journey-scene.js';

const disk = nodeFileEdge();
const OTHER_MACHINE = { ...MACHINE, files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };

describe('retiring a host', () => {
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let gate: Gate;
  let agent: AgentInstallation;
  let events: SandboxEvent[] = [];
  let onEvent = (_event: SandboxEvent) => {};

  before(async () => {
    certificate = await issueStockCertificate();
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 30,
      onEvent: (event) => {
        events.push(event);
        onEvent(event);
      },
    });
  });
  after(() => sandbox.close());
  beforeEach(async () => {
    events = [];
    onEvent = () => {};
    agent = await scratchHome(['etc', 'queue/rids']);
    gate = await openGate(api());
  });
  afterEach(async () => {
    await gate.close();
    for (const { id } of sandbox.agents()) sandbox.removeAgent(id);
    await removeHome(agent);
  });

  const api = () => {
    const { hostname, port } = new URL(sandbox.api?.url ?? '');
    return { host: hostname, port: Number(port) };
  };
  const through = (port: number, user = 'retire') => ({
    api: { url: `https://127.0.0.1:${port}`, user, password: passwordOf(user) },
    trust: { pin: sandbox.api?.fingerprint?.replace('sha256:', '') ?? '', insecure: false },
  });
  const journey = (given: Omit<Given, 'agent'> = {}): ToldJourney => {
    const { authd, agent: remoted } = sandbox.endpoints;
    const settings = { ...through(gate.endpoint.port), waitMs: 3000, ...given.settings };
    return journeyOf({ authd, remoted, ...given, agent, settings });
  };
  const alone = (given: Omit<Given, 'agent'> = {}): ToldJourney => {
    const { authd, agent: remoted } = sandbox.endpoints;
    return journeyOf({ authd, remoted, ...given, agent });
  };
  const no: RetireOptions = { yes: false };
  const yes: RetireOptions = { yes: true };
  /** An agent of the manager whose key lies on this host. */
  const enrolled = async (name = 'web-01'): Promise<AgentRecord> => {
    const added = sandbox.addAgent({ name });
    await installKey(added, agent, disk);
    return added;
  };
  const names = () => sandbox.agents().map((each) => each.name);
  const removals = () => events.filter(({ type }) => type === 'removed').length;
  const aside = () => readFile(`${agent.keysFile}.retired`, 'utf8').catch(() => undefined);
  const inPlace = () => readFile(agent.keysFile, 'utf8').catch(() => undefined);
  const reportOf = (told: readonly JourneyEvent[]) => told.reduce(withEvent, emptyReport('retire'));

  it('deletes the agent at the manager and sets the key aside, and says so', async () => {
    sandbox.addAgent({ name: 'db-01' });
    const mine = await enrolled();
    const run = journey();
    expect(await retire(run, no)).to.deep.equal({ changed: true });
    expect(names()).to.deep.equal(['db-01']);
    expect(await inPlace()).to.equal(undefined);
    expect(await aside()).to.equal(line(mine));
    expect(run.warnings()).to.deep.equal([]);
    expect(run.kinds()).to.deep.equal(['present', 'method', 'retiring', 'certificate', 'retired', 'aside']);
    const report = reportOf(run.told);
    expect(report).to.deep.include({
      changed: true,
      method: 'api',
      keysFile: agent.keysFile,
      agent: { id: mine.id, name: 'web-01', ip: 'any' },
      manager: gate.endpoint,
      retired: { agent: 'deleted', keyFile: `${agent.keysFile}.retired` },
    });
    expect(JSON.stringify(run.told)).to.not.include(mine.key.reveal());
  });

  it('has nothing to do where there is no key, and leaves nothing behind', async () => {
    for (const run of [journey(), alone()]) {
      expect(await retire(run, no)).to.deep.equal({ changed: false });
      expect(reportOf(run.told).retired).to.deep.equal({ agent: 'none' });
    }
    expect(await filesBelow(agent.home)).to.deep.equal([]);
  });

  it('is done once: the second time there is nothing to retire', async () => {
    await enrolled();
    await retire(journey(), no);
    expect(await retire(journey(), no)).to.deep.equal({ changed: false });
    expect(removals()).to.equal(1);
  });

  it('takes an agent that the manager does not know any more for retired', async () => {
    const { id } = await enrolled();
    sandbox.removeAgent(id);
    const run = journey();
    expect(await retire(run, no)).to.deep.equal({ changed: true });
    expect(reportOf(run.told).retired?.agent).to.equal('gone');
    expect(await inPlace()).to.equal(undefined);
  });

  it('leaves an agent alone that has the id by now, and says whose it is', async () => {
    const { id } = await enrolled();
    sandbox.removeAgent(id);
    events = [];
    sandbox.addAgent({ name: 'db-01', id, key: new Secret('d'.repeat(64)) });
    const run = journey();
    await retire(run, no);
    expect(names()).to.deep.equal(['db-01']);
    expect(removals()).to.equal(0);
    expect(reportOf(run.told).retired?.agent).to.equal('another');
    expect(run.warnings().join()).to.include('agent db-01').and.include('left alone');
  });

  it('enrolls afterwards as any host without a key', async () => {
    await enrolled();
    await retire(journey(), no);
    const { changed, record: fresh } = await enroll(alone({ settings: { name: 'web-01' } }));
    expect(changed).to.equal(true);
    expect(await inPlace()).to.equal(line(fresh));
    expect(names()).to.deep.equal(['web-01']);
    await retire(journey(), no);
    expect(names()).to.deep.equal([]);
    expect(await aside()).to.equal(line(fresh));
  });

  it('forgets what belonged to the key, and nothing of the manager', async () => {
    await enroll(alone({ settings: { name: 'web-01', trust: { insecure: false } } }));
    const enrolledNotes = await readNotes(agent, disk);
    expect(enrolledNotes.managers.size).to.equal(1);
    expect(enrolledNotes).to.include.keys('acknowledged', 'asked', 'binding');
    await retire(journey(), no);
    const notes = await readNotes(agent, disk);
    expect(notes).to.not.have.any.keys('acknowledged', 'asked', 'binding', 'daemon', 'request');
    expect(notes.links.size).to.equal(0);
    expect(notes.managers).to.deep.equal(enrolledNotes.managers);
  });

  describe('is refused, and nothing changed', () => {
    const refusals: readonly (readonly [string, () => ToldJourney, string, string])[] = [
      ['without API credentials', () => alone(), 'API_CREDENTIALS_MISSING', 'manage_agents -r'],
      ['where a daemon runs', () => journey({ facts: withDaemon(agent, 'connected') }), 'KEY_IN_USE', 'Stop the agent'],
      [
        'where a daemon runs that does not say how it is',
        () => journey({ facts: withDaemon(agent, 'odd') }),
        'KEY_IN_USE',
        'Stop the agent',
      ],
      [
        'where a daemon may run unseen',
        () => journey({ facts: { ...MACHINE, times: { [`${agent.home}/var/run/wazuh-agentd.state`]: 'unknown' } } }),
        'KEY_IN_USE',
        'Stop the agent',
      ],
    ];
    for (const [why, run, code, hint] of refusals) {
      it(why, async () => {
        const mine = await enrolled();
        const error = await failure(retire(run(), no));
        expect(error).to.include({ code, exitCode: 2 });
        expect(error.message).to.include(`agent ${mine.id} web-01`).and.include('Nothing was changed');
        expect(error.hint).to.include(hint);
        expect(names()).to.deep.equal(['web-01']);
        expect(await inPlace()).to.equal(line(mine));
      });
    }
    it('where the key is that of a machine of which this is a copy', async () => {
      const { record: mine } = await enroll(alone({ settings: { name: 'web-01' } }));
      const copy = journey({ facts: OTHER_MACHINE });
      expect((await failure(retire(copy, no))).code).to.equal('KEY_OF_ANOTHER_MACHINE');
      expect(names()).to.deep.equal(['web-01']);
      expect(await inPlace()).to.equal(line(mine));
    });
    it('where the file has the keys of several agents, before the manager is asked', async () => {
      const mine = await enrolled();
      await writeFile(agent.keysFile, `${line(mine)}${line(record('777', 'db-01', 'any', 'e'.repeat(64)))}`);
      const error = await failure(retire(journey(), yes));
      expect(error).to.include({ code: 'FILE_UNWRITABLE', exitCode: 6 });
      expect(names()).to.deep.equal(['web-01']);
    });
    it('where the key could not be set aside, before the manager is asked', async () => {
      const mine = await enrolled();
      const full = watched(disk, (operation, path) => {
        if (operation === 'write' && path.includes('retired')) throw systemError('ENOSPC');
      });
      expect((await failure(retire(journey({ disk: full }), no))).code).to.equal('FILE_UNWRITABLE');
      expect(names()).to.deep.equal(['web-01']);
      expect(await inPlace()).to.equal(line(mine));
    });
    for (const [what, user, code] of [
      ['by an API user that may not delete', 'reader', 'API_PERMISSION_DENIED'],
      ['by an API user that may not look', 'enroll', 'API_PERMISSION_DENIED'],
      ['with credentials that are wrong', 'nobody', 'API_CREDENTIALS_REFUSED'],
    ] as const) {
      it(what, async () => {
        const mine = await enrolled();
        const error = await failure(retire(journey({ settings: through(gate.endpoint.port, user) }), no));
        expect(error).to.include({ code, exitCode: 5 });
        expect(names()).to.deep.equal(['web-01']);
        expect(await inPlace()).to.equal(line(mine));
      });
    }
    it('where nothing vouches for the API: no first use is trusted with a password', async () => {
      const mine = await enrolled();
      const settings = { ...through(gate.endpoint.port), trust: { insecure: false } };
      expect(await failure(retire(journey({ settings }), no))).to.include({
        code: 'CERTIFICATE_UNTRUSTED',
        exitCode: 4,
      });
      expect(await inPlace()).to.equal(line(mine));
    });
    it('where the API is down', async () => {
      const mine = await enrolled();
      const error = await failure(retire(journey({ settings: through(NOBODY.port) }), no));
      expect(error).to.include({ code: 'CONNECTION_REFUSED', exitCode: 3 });
      expect(await inPlace()).to.equal(line(mine));
    });
    it('where the run is interrupted before anything was asked', async () => {
      const mine = await enrolled();
      const stop = new AbortController();
      const run = journey({ signal: stop.signal });
      const interrupted = { ...run, observe: () => stop.abort(new EnrollError('TERMINATED', 'Terminated.')) };
      expect((await failure(retire(interrupted, no))).code).to.equal('TERMINATED');
      expect(names()).to.deep.equal(['web-01']);
      expect(await inPlace()).to.equal(line(mine));
    });
  });

  describe('with --yes', () => {
    it('goes on although a daemon runs, and says what to do', async () => {
      await enrolled();
      const run = journey({ facts: withDaemon(agent, 'connected') });
      expect(await retire(run, yes)).to.deep.equal({ changed: true });
      expect(names()).to.deep.equal([]);
      expect(run.warnings().join()).to.include('wazuh-agentd').and.include('Stop it');
    });
    it('sets the key aside on this host alone where nobody can be asked, and says what is left to do', async () => {
      const mine = await enrolled();
      const run = alone();
      await retire(run, yes);
      expect(names()).to.deep.equal(['web-01']);
      expect(await aside()).to.equal(line(mine));
      expect(reportOf(run.told).retired?.agent).to.equal('not asked');
      expect(run.warnings().join()).to.include(`manage_agents -r ${mine.id}`);
    });
    it('names the REST API where the key is that of a Wazuh 5, which has no manage_agents', async () => {
      await putWhole(OLD_KEY, agent, disk);
      const error = await failure(retire(alone(), no));
      expect(error.hint).to.include(`DELETE /agents?agents_list=${OLD.id}`).and.not.include('manage_agents -r');
      const run = alone();
      await retire(run, yes);
      expect(run.warnings().join()).to.include('DELETE /agents?agents_list=001');
    });
    it('leaves the agent of the other machine alone, and its name', async () => {
      await enroll(alone({ settings: { name: 'web-01' } }));
      const copy = journey({ facts: OTHER_MACHINE });
      await retire(copy, yes);
      expect(names()).to.deep.equal(['web-01']);
      expect(await inPlace()).to.equal(undefined);
      expect(copy.warnings().join()).to.include('another machine');
      expect((await readNotes(agent, disk)).binding?.othersNames).to.deep.equal(['web-01']);
    });
  });

  describe('whose API connection is cut', () => {
    it('before the manager acted, asks again', async () => {
      await enrolled();
      const run = journey({
        settings: { ...through(gate.endpoint.port), retries: 2 },
        edge: { randomNumber: () => 0 },
      });
      let cuts = 0;
      const original = run.observe;
      const observe = (event: JourneyEvent) => {
        original(event);
        if (event.kind === 'retiring') gate.leadTo(cuts++ === 0 ? NOBODY : api());
      };
      await retire({ ...run, observe }, no);
      expect(run.kinds()).to.include('retrying');
      expect(names()).to.deep.equal([]);
      expect(reportOf(run.told).retired?.agent).to.equal('deleted');
    });
    it('after the manager acted, finds that it did', async () => {
      await enrolled();
      const run = journey({
        settings: { ...through(gate.endpoint.port), retries: 2 },
        edge: { randomNumber: () => 0 },
      });
      onEvent = ({ type }) => {
        if (type === 'removed') gate.cut();
      };
      await retire(run, no);
      expect(removals()).to.equal(1);
      expect(reportOf(run.told).retired?.agent).to.equal('deleted');
      expect(await inPlace()).to.equal(undefined);
    });
    it('for good after the manager acted: says that nobody knows, keeps the key, and the next run finds it gone', async () => {
      const mine = await enrolled();
      onEvent = ({ type }) => {
        if (type !== 'removed') return;
        gate.leadTo(NOBODY);
        gate.cut();
      };
      const error = await failure(retire(journey({ edge: { randomNumber: () => 0 } }), no));
      expect(error).to.include({ code: 'ANSWER_LOST', exitCode: 8 });
      expect(error.message).to.include(`agent ${mine.id} web-01`);
      expect(await inPlace()).to.equal(line(mine));
      gate.leadTo(api());
      const next = journey();
      await retire(next, no);
      expect(reportOf(next.told).retired?.agent).to.equal('gone');
      expect(await inPlace()).to.equal(undefined);
    });
  });

  it('takes a key that a killed run had got, and its agent, with it', async () => {
    const mine = sandbox.addAgent({ name: 'web-01' });
    const startedAt = new Date().toISOString();
    await note(agent, { request: { name: 'web-01', manager: 'siem.example:1515', startedAt } });
    await writeFile(`${agent.home}/etc/.client.keys.agent-enroll-0123abcd.tmp`, line(mine), { mode: 0o600 });
    const run = journey();
    await retire(run, no);
    expect(names()).to.deep.equal([]);
    expect(run.kinds()[0]).to.equal('left');
    expect(reportOf(run.told)).to.deep.include({ agent: { id: mine.id, name: 'web-01', ip: 'any' } });
    expect(await aside()).to.equal(line(mine));
    expect((await readNotes(agent, disk)).request).to.equal(undefined);
    expect(await filesBelow(`${agent.home}/etc`)).to.deep.equal(['client.keys.retired']);
  });

  it('puts such a key nowhere where it is refused', async () => {
    const mine = sandbox.addAgent({ name: 'web-01' });
    await note(agent, {
      request: { name: 'web-01', manager: 'siem.example:1515', startedAt: new Date().toISOString() },
    });
    await writeFile(`${agent.home}/etc/.client.keys.agent-enroll-0123abcd.tmp`, line(mine), { mode: 0o600 });
    expect((await failure(retire(alone(), no))).code).to.equal('API_CREDENTIALS_MISSING');
    expect(await inPlace()).to.equal(undefined);
  });

  it('waits for another run on this host', async () => {
    await enrolled();
    const run = journey();
    let retiring: Promise<unknown> | undefined;
    await step(alone(), async () => {
      await new Promise<void>((resolve) => {
        const observe = (event: JourneyEvent) => {
          run.observe(event);
          if (event.kind === 'waiting') resolve();
        };
        retiring = retire({ ...run, observe }, no);
      });
      expect(names()).to.deep.equal(['web-01']);
    });
    await retiring;
    expect(run.kinds()).to.deep.equal([
      'waiting',
      ...['present', 'method', 'retiring', 'certificate', 'retired', 'aside'],
    ]);
    expect(names()).to.deep.equal([]);
  });
});
