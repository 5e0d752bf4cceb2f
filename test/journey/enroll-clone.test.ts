import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { check } from '../../src/journey/check.js';
import type { Journey } from '../../src/journey/context.js';
import { Discoveries } from '../../src/journey/discoveries.js';
import { enroll } from '../../src/journey/enroll.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { type JourneyEdge, nodeJourneyEdge } from '../../src/journey/journey-edge.js';
import { boundTo, checkBinding } from '../../src/journey/machine-binding.js';
import { readInstalled } from '../../src/keystore/installed.js';
import { type NotesFile, notesPath, openNotes, readNotes } from '../../src/keystore/notes/notes-file.js';
import { type AgentRecord, formatRecord, keyHash } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import type { SandboxEvent } from '../../src/sandbox/sandbox-events.js';
import type { Settings } from '../../src/settings/settings.js';
import { type FakeFacts, fakeSystem, never } from '../host/fake-system.js';
import { installationAt, scratchHome } from '../keystore/scratch.js';

const disk = nodeFileEdge();
const ORIGINAL = { '/etc/machine-id': '1'.repeat(31).concat('a') };
const CLONE = { '/etc/machine-id': '2'.repeat(31).concat('b') };
const PARTS = ['etc', 'queue/rids'];

describe('a host that is a copy of another', function () {
  this.timeout(15_000);
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let events: SandboxEvent[];
  let told: JourneyEvent[];
  let original: AgentInstallation;
  let clone: AgentInstallation;
  const homes: string[] = [];

  const manager = async (options: Partial<SandboxOptions> = {}) => {
    await sandbox?.close();
    events = [];
    sandbox = await startSandbox({
      family: 'wazuh-4',
      certificate,
      keyReloadMs: 30,
      onEvent: (event) => events.push(event),
      ...options,
    });
  };
  const journey = (agent: AgentInstallation, facts: FakeFacts, given: Partial<Settings> = {}): Journey => {
    told = [];
    const { authd, agent: remoted } = sandbox.endpoints;
    return {
      settings: {
        managers: [{ agent: remoted, protocol: 'auto', enrollment: authd }],
        method: { use: 'authd', why: 'the default' },
        ip: { kind: 'any' },
        groups: [],
        trust: { insecure: true },
        cipher: 'auto',
        force: false,
        handshake: true,
        writeConfig: false,
        machineBinding: true,
        splayMs: 0,
        timeoutMs: 5000,
        reenroll: 'certain',
        retries: 0,
        waitMs: 5000,
        ...given,
      },
      agent,
      edge: { ...nodeJourneyEdge({}), system: fakeSystem(facts) },
      observe: (event) => told.push(event),
      discoveries: new Discoveries(),
      signal: never,
    };
  };
  const warnings = () => told.flatMap((event) => (event.kind === 'warning' ? [event.text] : []));
  const names = () => sandbox.agents().map(({ name }) => name);
  const copyHome = async () => {
    const home = await mkdtemp(join(tmpdir(), 'agent-enroll-clone-'));
    homes.push(home);
    await cp(original.home, home, { recursive: true });
    return installationAt(home);
  };
  const refusal = async (work: Promise<unknown>) => {
    const error = await work.catch((thrown: unknown) => thrown);
    if (error instanceof EnrollError) return error;
    throw new Error(`It should have been refused, and was: ${String(error)}`);
  };

  before(async () => {
    certificate = await issueStockCertificate();
  });
  beforeEach(async () => {
    await manager();
    original = await scratchHome(PARTS);
    homes.push(original.home);
    await enroll(journey(original, { hostname: 'web-01', files: ORIGINAL }));
    clone = await copyHome();
  });
  afterEach(async () => {
    for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true });
  });
  after(() => sandbox.close());

  it('enrolls as a new agent, and the original goes on', async () => {
    const before = await readFile(original.keysFile, 'utf8');
    events = [];
    const enrolled = await enroll(journey(clone, { hostname: 'web-02', files: CLONE }));
    expect(enrolled.changed).to.equal(true);
    expect(enrolled.record.name).to.equal('web-02');
    expect(enrolled.link?.attempts).to.be.greaterThan(0);
    expect(names()).to.deep.equal(['web-01', 'web-02']);
    expect(warnings()).to.have.length(1);
    expect(warnings()[0]).to.contain('agent 001 web-01').and.to.contain('another machine').and.to.contain('as web-02');
    // The key of the original was neither shown nor used.
    const shown = events.flatMap((event) => (event.type === 'request' ? [event.hadKeyHash] : []));
    expect(shown).to.deep.equal([false]);
    expect(events.filter((event) => 'agent' in event && event.agent.id === '001')).to.deep.equal([]);

    expect(await readFile(original.keysFile, 'utf8')).to.equal(before);
    const again = await enroll(journey(original, { hostname: 'web-01', files: ORIGINAL }));
    expect(again).to.include({ changed: false });
    expect(warnings()).to.deep.equal([]);
    expect(await enroll(journey(clone, { hostname: 'web-02', files: CLONE }))).to.include({ changed: false });
    expect(names()).to.deep.equal(['web-01', 'web-02']);
  });

  it('takes a name of its own where it has the name of the original still', async () => {
    // This manager replaces even a connected agent by another of its name.
    await manager({ family: 'wazuh-3' });
    await enroll(journey(original, { hostname: 'web-01', files: ORIGINAL }, { force: true }));
    clone = await copyHome();
    const facts = { hostname: 'web-01', files: CLONE };
    const { record } = await enroll(journey(clone, facts));
    expect(record.name).to.match(/^web-01-[0-9a-f]{8}$/);
    expect(warnings().join()).to.contain(record.name).and.to.contain('has the name of that machine still');
    expect(names()).to.deep.equal(['web-01', record.name]);
    // Also when its own key is lost or to be replaced later on.
    const once = await enroll(journey(clone, facts, { force: true }));
    expect(once.record.name).to.equal(record.name);
    await rm(clone.keysFile);
    expect((await enroll(journey(clone, facts))).record.name).to.equal(record.name);
    // A pattern that makes the same name is a template, and no decision for this host.
    const patterned = await enroll(journey(clone, facts, { force: true, name: '{hostname}' }));
    expect(patterned.record.name).to.equal(record.name);
    expect((await check(journey(original, { hostname: 'web-01', files: ORIGINAL }))).record.name).to.equal('web-01');
  });

  it('asks for the name that --name says, whosever it is', async () => {
    const asked = journey(clone, { hostname: 'web-02', files: CLONE }, { name: 'web-01' });
    expect((await refusal(enroll(asked))).code).to.equal('NAME_DUPLICATE');
    expect(await readFile(clone.keysFile, 'utf8')).to.equal(await readFile(original.keysFile, 'utf8'));
    expect(names()).to.deep.equal(['web-01']);
  });

  it('does not use the key with --force either', async () => {
    const { record } = await enroll(journey(clone, { hostname: 'web-02', files: CLONE }, { force: true }));
    expect(record.name).to.equal('web-02');
    expect(names()).to.deep.equal(['web-01', 'web-02']);
  });

  it('starts its counters anew', async () => {
    await writeFile(clone.counterFile, '77:1234');
    await enroll(journey(clone, { hostname: 'web-02', files: CLONE }));
    expect(Number((await readFile(clone.counterFile, 'utf8')).split(':')[0])).to.be.lessThan(77);
  });

  it('is told by check, without a message to the manager', async () => {
    events = [];
    const error = await refusal(check(journey(clone, { hostname: 'web-01', files: CLONE })));
    expect(error).to.include({ code: 'KEY_OF_ANOTHER_MACHINE', exitCode: 7 });
    expect(error.hint).to.contain('Run agent-enroll');
    // The enrollment port is looked at, and asked for nothing.
    expect(events.filter(({ type }) => type !== 'connection')).to.deep.equal([]);
    expect((await check(journey(original, { hostname: 'web-01', files: ORIGINAL }))).record.name).to.equal('web-01');
  });

  it('uses the key with --no-machine-binding, and notes nothing', async () => {
    const notes = await readFile(notesPath(clone), 'utf8');
    const given = { machineBinding: false };
    const facts = { hostname: 'web-02', files: CLONE };
    expect((await check(journey(clone, facts, given))).record.name).to.equal('web-01');
    expect(await enroll(journey(clone, facts, given))).to.include({ changed: false });
    expect(await readFile(notesPath(clone), 'utf8')).to.equal(notes);
    expect(names()).to.deep.equal(['web-01']);

    const unbound = await scratchHome(PARTS);
    homes.push(unbound.home);
    await enroll(journey(unbound, { hostname: 'web-03', files: CLONE }, given));
    expect((await readNotes(unbound, disk)).binding).to.equal(undefined);
  });

  it('must restart an agent that runs with the key of the original', async () => {
    const running = {
      [`${clone.home}/var/run/wazuh-agentd-77.pid`]: '77',
      [`${clone.home}/var/run/wazuh-agentd.state`]: "status='connected'\n",
      '/proc/77/comm': 'wazuh-agentd\n',
    };
    const facts = { hostname: 'web-02', files: { ...CLONE, ...running } };
    expect((await refusal(check(journey(clone, facts)))).code).to.equal('KEY_OF_ANOTHER_MACHINE');
    expect((await refusal(enroll(journey(clone, facts)))).code).to.equal('AGENT_RESTART_NEEDED');
    expect((await readRecord(clone))?.name).to.equal('web-02');
  });

  it('is no copy where nothing is known of the machine', async () => {
    expect(await enroll(journey(clone, { hostname: 'web-02' }))).to.include({ changed: false });
    const bare = await scratchHome(PARTS);
    homes.push(bare.home);
    await enroll(journey(bare, { hostname: 'web-04' }));
    expect((await readNotes(bare, disk)).binding).to.equal(undefined);
  });

  describe('the note', () => {
    it('holds neither ids nor the key, and stays as it is', async () => {
      const notes = await readFile(notesPath(original), 'utf8');
      const record = await readRecord(original);
      if (record === undefined) throw new Error('There is no key.');
      for (const secret of [ORIGINAL['/etc/machine-id'], record.key.reveal(), keyHash(record), formatRecord(record)]) {
        expect(notes).to.not.contain(secret);
      }
      await enroll(journey(original, { hostname: 'web-01', files: ORIGINAL }));
      expect(await readFile(notesPath(original), 'utf8')).to.equal(notes);
    });

    it('is of no weight for a key that was put there by hand', async () => {
      const record = await readRecord(clone);
      if (record === undefined) throw new Error('There is no key.');
      const { edge } = journey(clone, { files: CLONE });
      expect(await checkBinding(await readNotes(clone, disk), record, edge, never)).to.equal('other');
      for (const other of [
        { ...record, id: '007' },
        { ...record, name: 'web-09' },
      ]) {
        expect(await checkBinding(await readNotes(clone, disk), other, edge, never)).to.equal('unknown');
      }
    });

    it('learns what could not be read before, and keeps what cannot be read now', async () => {
      const record = await readRecord(original);
      if (record === undefined) throw new Error('There is no key.');
      const root = { ...ORIGINAL, '/sys/class/dmi/id/product_uuid': '4c4c4544-0051-3610-8052-b4c04f4d3132' };
      const notes = await openNotes(original, disk);
      await bind(notes, record, journey(original, { files: root }).edge);
      await bind(notes, record, journey(original, { files: ORIGINAL }).edge);
      const noted = (await readNotes(original, disk)).binding;
      expect([...(noted?.hashes.keys() ?? [])]).to.deep.equal(['machine-id', 'dmi-uuid']);
    });

    it('binds a key that was there before there were notes', async () => {
      await rm(notesPath(original));
      await enroll(journey(original, { hostname: 'web-01', files: ORIGINAL }));
      const record = await readRecord(original);
      if (record === undefined) throw new Error('There is no key.');
      const here = journey(original, { files: ORIGINAL }).edge;
      const there = journey(original, { files: CLONE }).edge;
      expect(await checkBinding(await readNotes(original, disk), record, here, never)).to.equal('same');
      expect(await checkBinding(await readNotes(original, disk), record, there, never)).to.equal('other');
    });

    it('is not waited for once the run is to stop', async () => {
      const record = await readRecord(clone);
      if (record === undefined) throw new Error('There is no key.');
      const stopped = AbortSignal.abort(new EnrollError('INTERRUPTED', 'Interrupted.'));
      const { edge } = journey(clone, { files: CLONE });
      expect((await refusal(checkBinding(await readNotes(clone, disk), record, edge, stopped))).code).to.equal(
        'INTERRUPTED',
      );
      expect((await refusal(boundTo(await readNotes(clone, disk), record, edge, stopped))).code).to.equal(
        'INTERRUPTED',
      );
    });
  });
});

async function readRecord(agent: AgentInstallation) {
  return (await readInstalled(agent, disk))?.record;
}

async function bind(notes: NotesFile, record: AgentRecord, edge: JourneyEdge): Promise<void> {
  const binding = await boundTo(notes.notes, record, edge, never);
  await notes.update((before) => ({ ...before, ...(binding === undefined ? {} : { binding }) }));
}
