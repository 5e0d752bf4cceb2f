import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import type { JourneyEvent } from '../../src/journey/events.js';
import { emptyReport, type Report, withError, withEvent } from '../../src/journey/report.js';
import type { AgentKey } from '../../src/obtain/key-source.js';
import { NEW, OLD } from '../keystore/scratch.js';
import { agent } from './checks/check-scene.js';

const manager = { host: 'siem.example', port: 1514 };
const shown = { id: '001', name: 'web-01', ip: 'any' };
const seen = { by: 'pin', fingerprint: 'sha256:ab', subject: 'CN=siem' } as const;
const key: AgentKey = {
  method: 'authd',
  record: OLD,
  groups: ['linux'],
  family: 'wazuh-4',
  trust: seen,
  warnings: ['Mind.'],
};
const { trust: _, ...untrusted } = key;
const proof = { protocol: 'tcp', cipher: 'aes', attempts: 2, ms: 7, family: 'wazuh-4' } as const;
const empty = emptyReport('enroll');
const reported = (...events: JourneyEvent[]): Report => events.reduce(withEvent, empty);

describe('the report of a run', () => {
  it('has nothing in it before anything has happened, but that a check has no findings', () => {
    expect(emptyReport('enroll')).to.deep.equal({ ok: false, changed: false, command: 'enroll', warnings: [] });
    expect(emptyReport('check')).to.deep.equal({
      ok: false,
      changed: false,
      command: 'check',
      checks: [],
      warnings: [],
    });
  });

  for (const [event, facts] of [
    [
      {
        kind: 'identified',
        host: { name: { name: 'web-01' }, address: { register: { kind: 'any' }, why: '' }, agent },
        manager,
      },
      { manager, keysFile: agent.keysFile },
    ],
    [
      { kind: 'present', record: OLD, keysFile: '/keys' },
      { agent: shown, keysFile: '/keys' },
    ],
    [
      { kind: 'method', method: 'authd', why: 'the default' },
      { method: 'authd', methodReason: 'the default' },
    ],
    [{ kind: 'certificate', seen }, { trust: seen }],
    [
      { kind: 'obtained', key },
      { agent: { ...shown, groups: ['linux'] }, trust: seen, warnings: ['Mind.'] },
    ],
    [
      { kind: 'obtained', key: untrusted },
      { agent: { ...shown, groups: ['linux'] }, warnings: ['Mind.'] },
    ],
    [
      { kind: 'imported', record: OLD, keysFile: '/keys' },
      { method: 'import', agent: shown, keysFile: '/keys' },
    ],
    [{ kind: 'configured', file: '/conf', changed: true }, { config: { file: '/conf', changed: true } }],
    [
      { kind: 'exported', record: OLD, file: '/backup' },
      { agent: shown, exportFile: '/backup' },
    ],
    [{ kind: 'exported', record: OLD }, { agent: shown }],
    [
      { kind: 'installed', keysFile: '/keys' },
      { changed: true, keysFile: '/keys' },
    ],
    [{ kind: 'grouped', groups: ['linux'], warnings: ['Not all.'] }, { warnings: ['Not all.'] }],
    [{ kind: 'proving', endpoint: manager, waitMs: 1 }, { manager }],
    [{ kind: 'proved', proof }, { link: { protocol: 'tcp', cipher: 'aes', attempts: 2, ms: 7 } }],
    [
      { kind: 'proved', proof: { protocol: 'https', family: 'wazuh-5', attempts: 1, ms: 3 } },
      { link: { protocol: 'https', attempts: 1, ms: 3 } },
    ],
    [
      { kind: 'daemon', daemon: { name: 'wazuh-agentd', facts: {}, status: 'pending' } },
      { daemon: { name: 'wazuh-agentd', status: 'pending' } },
    ],
    [
      { kind: 'checked', checks: [{ id: 'key', ok: true, detail: 'Good.' }] },
      { checks: [{ id: 'key', ok: true, detail: 'Good.' }] },
    ],
    [{ kind: 'rejected', record: OLD, why: 'It is not known' }, { warnings: ['It is not known.'] }],
    [{ kind: 'warning', text: 'Mind.' }, { warnings: ['Mind.'] }],
    [{ kind: 'retiring', endpoint: manager, record: OLD }, { manager }],
    [
      { kind: 'retired', agent: 'none', keysFile: '/keys' },
      { keysFile: '/keys', retired: { agent: 'none' } },
    ],
    [
      { kind: 'retired', agent: 'deleted', record: OLD },
      { agent: shown, retired: { agent: 'deleted' } },
    ],
    [
      { kind: 'aside', file: '/keys.retired' },
      { changed: true, retired: { agent: 'not asked', keyFile: '/keys.retired' } },
    ],
    [{ kind: 'grouping', groups: ['linux'] }, {}],
    [{ kind: 'splaying', waitMs: 1 }, {}],
    [{ kind: 'retrying', error: new EnrollError('CONNECTION_REFUSED', 'It is closed.'), waitMs: 1 }, {}],
    [{ kind: 'asking', method: 'authd', endpoint: manager, name: 'web-01' }, {}],
    [{ kind: 'waiting', pid: 7 }, {}],
    [{ kind: 'attempt', number: 2, protocol: 'udp' }, {}],
    [{ kind: 'left', record: OLD }, {}],
  ] satisfies [JourneyEvent, Partial<Report>][]) {
    it(`has of what was ${event.kind}: ${Object.keys(facts).join(', ') || 'nothing'}`, () => {
      expect(reported(event)).to.deep.equal({ ...empty, ...facts });
    });
  }

  it('tells of several agents that were retired the one whose key was used, and where that lies', () => {
    const report = reported(
      { kind: 'present', record: OLD, keysFile: '/keys' },
      { kind: 'proving', endpoint: manager, waitMs: 1 },
      { kind: 'proved', proof },
      { kind: 'retiring', endpoint: { host: 'api.example', port: 55_000 }, record: NEW },
      { kind: 'retired', agent: 'another', record: { ...OLD, name: 'db-01' } },
      { kind: 'retired', agent: 'deleted', record: NEW },
      { kind: 'aside', file: '/keys.retired' },
    );
    expect(report).to.deep.include({
      changed: true,
      agent: shown,
      manager: { host: 'api.example', port: 55_000, family: 'wazuh-4' },
      retired: { agent: 'another', keyFile: '/keys.retired' },
    });
  });
  it('tells the family of the manager as soon as it is known, and of no other', () => {
    const proving: JourneyEvent = { kind: 'proving', endpoint: manager, waitMs: 1 };
    const { family: __, ...unknown } = proof;
    expect(reported(proving, { kind: 'proved', proof: unknown }).manager).to.deep.equal(manager);
    expect(reported(proving, { kind: 'proved', proof }).manager).to.deep.equal({ ...manager, family: 'wazuh-4' });
    expect(reported(proving, { kind: 'obtained', key }, proving).manager).to.deep.equal({
      ...manager,
      family: 'wazuh-4',
    });
  });
  it('names the groups that the agent has in the end', () => {
    const report = reported(
      { kind: 'obtained', key },
      { kind: 'grouped', groups: ['linux', 'web'], warnings: ['Late.'] },
    );
    expect(report.agent).to.deep.equal({ ...shown, groups: ['linux', 'web'] });
    expect(report.warnings).to.deep.equal(['Mind.', 'Late.']);
  });
  it('keeps all warnings, in order', () => {
    const warning = (text: string): JourneyEvent => ({ kind: 'warning', text });
    const report = reported(
      warning('1'),
      { kind: 'rejected', record: OLD, why: '2' },
      { kind: 'obtained', key },
      warning('3'),
    );
    expect(report.warnings).to.deep.equal(['1', '2.', 'Mind.', '3']);
  });
  it('ends with the error, and tells how far it came', () => {
    const error = new EnrollError('KEY_MISSING', 'There is none.', { hint: 'Enroll.' });
    expect(withError({ ...reported({ kind: 'warning', text: 'Mind.' }), ok: true }, error)).to.deep.equal({
      ...empty,
      warnings: ['Mind.'],
      error: { code: 'KEY_MISSING', message: 'There is none.', hint: 'Enroll.' },
    });
  });
  it('holds no key', () => {
    expect(
      JSON.stringify(reported({ kind: 'obtained', key }, { kind: 'present', record: OLD, keysFile: '/k' })),
    ).to.not.contain(OLD.key.reveal());
  });
});
