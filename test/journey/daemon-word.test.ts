import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { AgentDaemon } from '../../src/host/agent-daemon.js';
import { daemonWord } from '../../src/journey/daemon-word.js';
import { NOTHING_KNOWN } from '../../src/keystore/notes/notes.js';

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
    expect(word({ facts: {} })).to.have.property('kind', 'untold');
    // No note is about a process that cannot be told from others.
    const noted = { ...NOTHING_KNOWN, daemon: { instance: 'boot 42 1500', keys: file.content } };
    expect(word({ facts: {} }, {}, noted)).to.have.property('kind', 'untold');
  });

  for (const status of ['pending', 'disconnected'] as const) {
    it(`is what it says where that is ${status}`, () => {
      expect(word({ status })).to.deep.equal({ kind: 'not-connected', status });
    });
  }
  for (const [what, daemon] of [
    ['is halted', { facts: { ...healthy.facts, halted: true } }],
    ['has written nothing for an hour', { saidAt: NOW - HOUR }],
    ['wrote its state at a time that is yet to come', { saidAt: NOW + HOUR }],
    ['was last answered in 2020', { lastAck: '2020-01-01 00:00:00' }],
    ['was last answered an hour ago', { lastAck: '2026-09-03 16:23:51' }],
    ['says nothing of its connection', { status: 'unknown' }],
  ] as const satisfies readonly (readonly [string, Partial<AgentDaemon>])[]) {
    it(`is worth nothing of one that ${what}`, () => {
      expect(word(daemon)).to.have.property('kind', 'untold');
    });
  }
});
