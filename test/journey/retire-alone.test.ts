import { readFile, rm, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { deletionByHand } from '../../src/journey/deletion-by-hand.js';
import { boundTo } from '../../src/journey/machine-binding.js';
import { retire } from '../../src/journey/retire.js';
import { NOTHING_KNOWN, type WorkingLink } from '../../src/keystore/notes/notes.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentRecord } from '../../src/model/agent-record.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { Secret } from '../../src/model/secret.js';
import { systemError } from '../files/faulty.js';
import { fakeSystem, never } from '../host/fake-system.js';
import { failure, line, NEW, OLD, record, removeHome, scratchHome } from '../keystore/scratch.js';
import {
  type Given,
  journeyOf,
  MACHINE,
  NOBODY,
  note,
  REQUEST,
  replacing,
  step,
  watchedStep,
  withDaemon,
} from './journey-scene.js';

const OTHER_MACHINE = { ...MACHINE, files: { '/etc/machine-id': `${'2'.repeat(31)}b` } };
const API = { user: 'wazuh', password: new Secret(Buffer.from('x')) };
const SEEN = new Map([
  ['siem.example:1515', { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05.000Z', other: {} }],
]);
const DAEMON = { instance: '1'.repeat(64), keys: '2'.repeat(64) };
const disk = nodeFileEdge();
const no = { yes: false };
const yes = { yes: true };

describe('retiring a host whose manager is not asked', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    await writeFile(agent.keysFile, line(OLD));
  });
  afterEach(() => removeHome(agent));

  const journey = (given: Omit<Given, 'agent'> = {}) => journeyOf({ agent, ...given });
  const unseen = () => ({ ...MACHINE, times: { [`${agent.home}/var/run/wazuh-agentd.state`]: 'unknown' as const } });
  /** The key was enrolled on another machine than the one that the test runs on. */
  const copied = async (key: AgentRecord, othersNames: readonly string[] = []) => {
    const edge = { ...journey().edge, system: fakeSystem(OTHER_MACHINE) };
    const binding = await boundTo(NOTHING_KNOWN, key, edge, never);
    if (binding === undefined) throw new Error('It was to be bound.');
    await note(agent, { binding: { ...binding, othersNames } });
  };
  const leftBehind = (key: AgentRecord) =>
    writeFile(`${agent.home}/etc/.client.keys.agent-enroll-0123abcd.tmp`, line(key), { mode: 0o600 });
  const request = () => ({ ...REQUEST, startedAt: new Date().toISOString() });
  const notes = () => readNotes(agent, disk);
  const aside = () => readFile(`${agent.keysFile}.retired`, 'utf8').catch(() => undefined);

  describe('is refused, with what to do', () => {
    it('where nobody can be asked', async () => {
      expect(await failure(retire(journey(), no))).to.include({
        code: 'API_CREDENTIALS_MISSING',
        message:
          'There are no API credentials, so no manager can be asked to delete agent 001 web-01. Nothing was changed.',
        hint: 'Give --api-user and --api-password-file. Or set the key aside on this host alone with --yes, and delete the agent on the manager: manage_agents -r 001.',
      });
    });
    it('where the key is that of another machine', async () => {
      await copied(OLD);
      expect(await failure(retire(journey(), no))).to.include({
        code: 'KEY_OF_ANOTHER_MACHINE',
        message: `The key in ${agent.keysFile} (agent 001 web-01) was enrolled on another machine, of which this one is a copy. Its agent is that machine's, and is not deleted.`,
        hint: 'To set the copied key aside on this host alone, say --yes. If it is the same machine all the same, say so with --no-machine-binding.',
      });
      expect(await failure(retire(journey({ settings: { machineBinding: false } }), no))).to.include({
        code: 'API_CREDENTIALS_MISSING',
      });
    });
    it('where a daemon runs', async () => {
      const run = journey({ settings: { api: API }, facts: withDaemon(agent, 'connected') });
      expect(await failure(retire(run, no))).to.include({
        code: 'KEY_IN_USE',
        message:
          'The agent daemon (wazuh-agentd) runs on this host with the key of agent 001 web-01. Nothing was changed.',
      });
    });
    it('where a daemon may run', async () => {
      expect(await failure(retire(journey({ settings: { api: API }, facts: unseen() }), no))).to.include({
        code: 'KEY_IN_USE',
        message: `Whether an agent daemon runs on this host with the key of agent 001 web-01 cannot be found out: ${agent.home}/var/run may not be looked into. Nothing was changed.`,
      });
    });
  });

  describe('goes on with --yes, and says what is left to do', () => {
    it('of an agent that the manager still has', async () => {
      const run = journey();
      expect(await retire(run, yes)).to.deep.equal({ changed: true });
      expect(run.warnings()).to.deep.equal([
        'The manager still has agent 001 web-01, as nobody was asked to delete it. Do so there: manage_agents -r 001.',
      ]);
      expect(run.told.slice(-2)).to.deep.equal([
        { kind: 'retired', agent: 'not asked', record: OLD },
        { kind: 'aside', file: `${agent.keysFile}.retired` },
      ]);
    });
    it('of a daemon that runs', async () => {
      const run = journey({ facts: withDaemon(agent, 'connected') });
      await retire(run, yes);
      expect(run.warnings()[0]).to.equal(
        'The agent daemon (wazuh-agentd) still runs, with the key in its memory. Stop it: one that may enroll by itself becomes another agent.',
      );
    });
    it('of a daemon that may run', async () => {
      const run = journey({ facts: unseen() });
      await retire(run, yes);
      expect(run.warnings()[0]).to.equal(
        `Whether an agent daemon still runs cannot be found out: ${agent.home}/var/run may not be looked into. Stop it: one that may enroll by itself becomes another agent.`,
      );
    });
    it('of the agent of another machine, whose name is remembered with those of others', async () => {
      await copied(OLD, ['db-01', 'web-01']);
      const run = journey({ settings: { api: API } });
      await retire(run, yes);
      expect(run.warnings()).to.deep.equal([
        'The key of agent 001 web-01 was enrolled on another machine, of which this one is a copy: that agent was left alone.',
      ]);
      expect(run.told.filter(({ kind }) => kind === 'retired')).to.deep.equal([
        { kind: 'retired', agent: 'not asked', record: OLD },
      ]);
      expect((await notes()).binding).to.deep.include({ agentId: '001', othersNames: ['db-01', 'web-01'] });
    });
  });

  it('sets the file aside as it is', async () => {
    const text = `# of the rack in the cellar\n${line(OLD)}`;
    await writeFile(agent.keysFile, text);
    await retire(journey(), yes);
    expect(await aside()).to.equal(text);
  });
  it('tells of no place of a key that was taken away meanwhile', async () => {
    await note(agent, { request: request(), managers: SEEN });
    const taken = replacing(async (path) => {
      if (path.endsWith('notes.json')) await rm(agent.keysFile, { force: true });
    });
    const run = journey({ disk: taken });
    await retire(run, yes);
    expect(run.kinds()).to.deep.equal(['present', 'retired']);
  });
  it('keeps the names of other machines though the key is its own', async () => {
    const edge = journey().edge;
    const binding = await boundTo(NOTHING_KNOWN, OLD, edge, never);
    if (binding === undefined) throw new Error('It was to be bound.');
    await note(agent, { binding: { ...binding, othersNames: ['db-01'] } });
    await retire(journey(), yes);
    expect((await notes()).binding?.othersNames).to.deep.equal(['db-01']);
  });

  describe('and a request of an earlier run', () => {
    it('has come to nothing where there is no key: it is told and stays, and of a key nothing is remembered', async () => {
      await writeFile(agent.keysFile, '');
      await copied(OLD, ['db-01']);
      await note(agent, { request: request(), managers: SEEN, acknowledged: '001 web-01', daemon: DAEMON });
      const run = journey();
      expect(await retire(run, no)).to.deep.equal({ changed: false });
      expect(run.warnings()).to.have.length(1);
      expect(run.warnings()[0]).to.contain('asked siem.example:1515 for a key as web-01');
      expect(await notes()).to.have.all.keys('managers', 'links', 'request', 'binding', 'other');
      expect((await notes()).binding?.othersNames).to.deep.equal(['db-01']);
    });
    it('is closed with the key that came of it', async () => {
      await note(agent, { request: request() });
      await retire(journey(), yes);
      expect(await notes()).to.not.have.property('request');
    });
    it('is as open as before where the key is an earlier one', async () => {
      await note(agent, { request: { ...REQUEST, startedAt: new Date(Date.now() + 3_600_000).toISOString() } });
      await retire(journey(), yes);
      expect((await notes()).request).to.include({ name: 'web-01' });
    });
    it('takes the agent with it of a key that lies beside the one in its place', async () => {
      await note(agent, { request: request() });
      await leftBehind(NEW);
      const run = journey();
      await retire(run, yes);
      const retired = run.told.flatMap((event) => (event.kind === 'retired' ? [event] : []));
      expect(retired).to.deep.equal([
        { kind: 'retired', agent: 'not asked', record: OLD },
        { kind: 'retired', agent: 'not asked', record: NEW },
      ]);
      expect(run.warnings()).to.have.length(2);
      expect(await aside()).to.equal(line(OLD));
    });
    it('takes one agent with it where both are the same key', async () => {
      await note(agent, { request: request() });
      await leftBehind(OLD);
      const run = journey();
      await retire(run, yes);
      expect(run.kinds()).to.deep.equal(['present', 'retired', 'aside']);
    });
    it('leaves the agent of another machine alone, and takes its own', async () => {
      await copied(OLD);
      const own = record('003', 'web-01', 'any', 'e'.repeat(64));
      await note(agent, { request: request() });
      await leftBehind(own);
      const run = journey();
      await retire(run, yes);
      expect(run.warnings()[0]).to.contain('agent 001 web-01 was enrolled on another machine');
      expect(run.warnings()[1]).to.contain('The manager still has agent 003 web-01');
    });
  });

  it('is not interrupted while the key is put, and while it is set aside', async () => {
    await writeFile(agent.keysFile, '');
    await note(agent, { request: request(), managers: SEEN, acknowledged: '001 web-01' });
    await leftBehind(OLD);
    const held = watchedStep();
    const order: string[] = [];
    const edge = replacing((path) => {
      order.push(`${path.slice(agent.home.length + 1)} ${held.inside ? 'in' : 'out'}`);
    });
    await retire(journey({ disk: edge, edge: { uninterrupted: held.uninterrupted } }), yes);
    expect(order.filter((each) => !each.includes('.tmp'))).to.deep.equal([
      'etc/client.keys in',
      '.agent-enroll/notes.json in',
      'etc/client.keys.retired in',
      '.agent-enroll/notes.json in',
    ]);
  });
  it('leaves the key in its place where the request could not be closed', async () => {
    await note(agent, { request: request(), managers: SEEN });
    const stuck = replacing((path) => {
      if (path.endsWith('notes.json')) throw systemError('EIO');
    });
    expect(await failure(retire(journey({ disk: stuck }), yes))).to.be.instanceOf(EnrollError);
    expect(await readFile(agent.keysFile, 'utf8')).to.equal(line(OLD));
    expect(await aside()).to.equal(undefined);
  });

  describe('names how the agent is deleted', () => {
    const way = (given: Omit<Given, 'agent'> = {}) => step(journey(given), (ready) => deletionByHand(ready, OLD));
    const OVER_API =
      'DELETE /agents?agents_list=001&status=all&older_than=0s of its REST API (a Wazuh 5 has no manage_agents)';
    const manager = { agent: NOBODY, protocol: 'auto', enrollment: NOBODY } as const;
    const https = { host: '127.0.0.1', port: 1517, prefix: '' };

    it('by its command, where nothing speaks for a Wazuh 5', async () => {
      expect(await way()).to.equal('manage_agents -r 001');
    });
    it('by its REST API, where one of the managers is named as a Wazuh 5', async () => {
      expect(await way({ settings: { managers: [manager, { ...manager, https }] } })).to.equal(OVER_API);
    });
    it('by its REST API, where a link of a Wazuh 5 is remembered', async () => {
      const messages: [string, WorkingLink] = ['a:1514', { protocol: 'tcp', cipher: 'aes' }];
      await note(agent, { links: new Map([messages]) });
      expect(await way()).to.equal('manage_agents -r 001');
      await note(agent, { links: new Map([messages, ['b:1514', { protocol: 'https', port: 1517, prefix: '' }]]) });
      expect(await way()).to.equal(OVER_API);
    });
  });
});
