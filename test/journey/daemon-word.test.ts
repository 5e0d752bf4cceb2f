import { rm, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { MEANINGS } from '../../src/errors.js';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import type { AgentDaemon } from '../../src/host/agent-daemon.js';
import { believe, daemonWord, requireConnected, requireRestart, runningDaemon } from '../../src/journey/daemon-word.js';
import { NOTHING_KNOWN } from '../../src/keystore/notes/notes.js';
import { readNotes } from '../../src/keystore/notes/notes-file.js';
import type { AgentInstallation } from '../../src/model/host.js';
import { failure, line, OLD, removeHome, scratchHome } from '../keystore/scratch.js';
import { journeyOf, note, replacing, step, withDaemon } from './journey-scene.js';

const NOW = new Date(2026, 8, 3, 17, 24, 0).getTime();
const HOUR = 3_600_000;
/** client.keys as root wrote it two hours ago; the daemon was started an hour ago. */
const file = { changed: NOW - 2 * HOUR, uid: 0, content: '8:15 1234' };
const healthy: AgentDaemon = {
  name: 'wazuh-agentd',
  pid: 42,
  facts: { startedAt: NOW - HOUR, uid: 998, instance: 'boot 42 1500' },
  status: 'connected',
  lastAck: '2026-09-03 17:23:51',
  saidAt: NOW - 4000,
};
const since = { changed: NOW - HOUR / 2 };

function word(daemon: Partial<AgentDaemon> = {}, keys: Partial<typeof file> = {}, noted = NOTHING_KNOWN) {
  return daemonWord({ ...healthy, ...daemon }, { ...file, ...keys }, noted, NOW);
}

describe('the word of an agent daemon', () => {
  it('is believed of one that was started with this key, is connected, and says so now', () => {
    expect(word()).to.deep.equal({ kind: 'connected' });
  });
  it('is believed of one that was connected a moment ago, which has had no answer yet (Wazuh 4.14: for 20 s)', () => {
    const { lastAck: _, ...fresh } = healthy;
    expect(daemonWord(fresh, file, NOTHING_KNOWN, NOW)).to.deep.equal({ kind: 'connected' });
  });
  it("is believed of OSSEC's, whose word holds until it says something else", () => {
    const { lastAck: _, saidAt: __, ...ossec } = healthy;
    expect(daemonWord(ossec, file, NOTHING_KNOWN, NOW)).to.deep.equal({ kind: 'connected' });
  });

  it('is about another key where it was started before the file was changed', () => {
    expect(word({}, since)).to.deep.equal({ kind: 'restart' });
    expect(word({ status: 'disconnected' }, since)).to.deep.equal({ kind: 'restart' });
  });
  it('is about this key where the daemon has written the file itself, as its own enrollment does', () => {
    expect(word({}, { ...since, uid: 998 })).to.deep.equal({ kind: 'connected' });
  });
  it('tells nothing by the owner where the daemon runs as root', () => {
    const facts = { ...healthy.facts, uid: 0 };
    expect(word({ facts }, { ...since, uid: 0 })).to.deep.equal({ kind: 'restart' });
  });
  it('tells nothing by the owner where the daemon runs as the user that this program writes as', () => {
    const keys = { ...file, ...since, uid: 998 };
    expect(daemonWord(healthy, keys, NOTHING_KNOWN, NOW, 998)).to.deep.equal({ kind: 'restart' });
    expect(daemonWord(healthy, keys, NOTHING_KNOWN, NOW, 0)).to.deep.equal({ kind: 'connected' });
  });
  it('is about this key where this daemon was seen to run with this content, whose mode was changed since', () => {
    const daemon = { instance: 'boot 42 1500', keys: file.content };
    expect(word({}, since, { ...NOTHING_KNOWN, daemon })).to.deep.equal({ kind: 'connected' });
    expect(word({}, { ...since, content: '8:15 9999' }, { ...NOTHING_KNOWN, daemon })).to.deep.equal({
      kind: 'restart',
    });
    const other = { ...daemon, instance: 'boot 42 1600' };
    expect(word({}, since, { ...NOTHING_KNOWN, daemon: other })).to.deep.equal({ kind: 'restart' });
  });
  it('is not believed where nobody knows when it was started', () => {
    expect(word({ facts: {} })).to.deep.equal({
      kind: 'untold',
      why: 'does not tell when it was started, so it may use the key of before',
    });
    expect(daemonWord({ ...healthy, facts: {} }, undefined, NOTHING_KNOWN, NOW)).to.deep.equal({ kind: 'connected' });
    // No note is about a process that cannot be told from others.
    const noted = { ...NOTHING_KNOWN, daemon: { instance: 'boot 42 1500', keys: file.content } };
    expect(word({ facts: {} }, {}, noted)).to.have.property('kind', 'untold');
  });

  for (const status of ['pending', 'disconnected'] as const) {
    it(`is what it says where that is ${status}`, () => {
      expect(word({ status })).to.deep.equal({ kind: 'not-connected', status });
    });
  }
  for (const [what, daemon, why] of [
    ['is halted', { facts: { ...healthy.facts, halted: true } }, 'is halted by a signal'],
    ['has written nothing for an hour', { saidAt: NOW - HOUR }, 'has not said anything of its state for 60 min'],
    [
      'wrote its state at a time that is yet to come',
      { saidAt: NOW + HOUR },
      'has not said anything of its state for a time that its clock puts ahead',
    ],
    [
      'was last answered in 2020',
      { lastAck: '2020-01-01 00:00:00' },
      'says that it is connected, and that the manager last answered it at 2020-01-01 00:00:00',
    ],
    [
      'was last answered an hour ago',
      { lastAck: '2026-09-03 16:23:51' },
      'says that it is connected, and that the manager last answered it at 2026-09-03 16:23:51',
    ],
    ['says nothing of its connection', { status: 'unknown' }, 'does not tell whether it is connected'],
  ] as const satisfies readonly (readonly [string, Partial<AgentDaemon>, string])[]) {
    it(`is worth nothing of one that ${what}`, () => {
      expect(word(daemon)).to.deep.equal({ kind: 'untold', why });
    });
  }
  it('is worth something for a minute, and an answer for a quarter of an hour', () => {
    expect(word({ saidAt: NOW - 60_000 })).to.deep.equal({ kind: 'connected' });
    expect(word({ saidAt: NOW - 60_001 })).to.have.property('kind', 'untold');
    expect(word({ lastAck: '2026-09-03 17:09:00' })).to.deep.equal({ kind: 'connected' });
    expect(word({ lastAck: '2026-09-03 17:08:59' })).to.have.property('kind', 'untold');
  });
  it('is about this key where the file was last changed in the moment that the daemon was started', () => {
    expect(word({}, { changed: NOW - HOUR })).to.deep.equal({ kind: 'connected' });
  });
});

describe('an agent daemon whose word is taken', () => {
  let agent: AgentInstallation;
  beforeEach(async () => {
    agent = await scratchHome(['etc', 'queue/rids']);
    await writeFile(agent.keysFile, line(OLD), { mode: 0o640 });
  });
  afterEach(() => removeHome(agent));

  const required = (daemon: Partial<AgentDaemon>) =>
    requireConnected(journeyOf({ agent }), NOTHING_KNOWN, {
      name: 'wazuh-agentd',
      facts: { startedAt: Date.now() + HOUR, instance: 'boot 42 1500' },
      status: 'connected',
      ...daemon,
    });

  it('is believed, and remembered with this key', async () => {
    const file = await required({});
    expect(file?.content).to.be.a('string');
    const daemon: AgentDaemon = {
      name: 'wazuh-agentd',
      facts: { startedAt: Date.now() + HOUR, instance: 'boot 42 1500' },
      status: 'connected',
    };
    await note(agent, { acknowledged: '001 web-01' });
    await step(journeyOf({ agent }), (ready) => believe(ready, daemon));
    expect((await readNotes(agent, nodeFileEdge())).daemon).to.deep.equal({
      instance: 'boot 42 1500',
      keys: file?.content,
    });
  });
  it('is not remembered where it cannot be told from others', async () => {
    const daemon: AgentDaemon = { name: 'x', facts: { startedAt: Date.now() + HOUR }, status: 'connected' };
    await note(agent, { acknowledged: '001 web-01' });
    const written: string[] = [];
    const disk = replacing((path) => void written.push(path));
    await step(journeyOf({ agent, disk }), (ready) => believe(ready, daemon));
    expect(written).to.deep.equal([]);
    expect(await readNotes(agent, nodeFileEdge())).to.not.have.property('daemon');
  });
  it('is not remembered without a key that it could be about', async () => {
    await rm(agent.keysFile);
    const facts = { startedAt: Date.now() + HOUR, instance: 'boot 42 1500' };
    const daemon: AgentDaemon = { name: 'x', facts, status: 'connected' };
    await step(journeyOf({ agent }), (ready) => believe(ready, daemon));
    expect(await readNotes(agent, nodeFileEdge())).to.not.have.property('daemon');
  });
  it('is told of where one runs', async () => {
    const running = journeyOf({ agent, facts: withDaemon(agent, 'pending') });
    const daemon = await runningDaemon(running);
    expect(daemon).to.include({ name: 'wazuh-agentd', status: 'pending' });
    expect(running.told).to.deep.equal([{ kind: 'daemon', daemon }]);
    const none = journeyOf({ agent });
    expect(await runningDaemon(none)).to.equal(undefined);
    expect(none.told).to.deep.equal([]);
  });
  it('has to be restarted for a key that came later', async () => {
    expect(await failure(required({ facts: { startedAt: 1 } }))).to.include({
      code: 'AGENT_RESTART_NEEDED',
      message: `The agent daemon (wazuh-agentd) was started before ${agent.keysFile} was last changed, so it does not use this key.`,
    });
    expect(await failure(requireRestart(journeyOf({ agent })))).to.include({
      code: 'AGENT_RESTART_NEEDED',
      message: 'The new key is installed, but the agent daemon runs with the one before.',
    });
  });
  it('is quoted where it is not connected', async () => {
    expect(await failure(required({ status: 'pending' }))).to.include({
      code: 'AGENT_NOT_CONNECTED',
      message: 'The agent daemon (wazuh-agentd) runs on this host and says that it is pending.',
      hint: MEANINGS.AGENT_NOT_CONNECTED.hint,
    });
  });
  it('is to be stopped where nothing can be concluded from it', async () => {
    expect(await failure(required({ status: 'unknown' }))).to.include({
      code: 'AGENT_NOT_CONNECTED',
      message: 'The agent daemon (wazuh-agentd) runs on this host, but does not tell whether it is connected.',
      hint: 'Stop the agent, run agent-enroll check, which then asks the manager itself, and start the agent again.',
    });
  });
});
