import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isVouchedFor, type KnownManager, linksOf, NOTHING_KNOWN } from '../../../src/keystore/notes/notes.js';

const SEEN: KnownManager = { fingerprint: `sha256:${'ab'.repeat(32)}`, firstSeen: '2026-01-02T03:04:05Z', other: {} };
const SIEM = { host: 'siem.example', port: 1515 };

describe('what is remembered of a host', () => {
  it('vouches for an enrollment service that an earlier run has seen, however it is written now', () => {
    const notes = { ...NOTHING_KNOWN, managers: new Map([['siem.example:1515', SEEN]]) };
    expect(isVouchedFor(notes, SIEM)).to.equal(true);
    expect(isVouchedFor(notes, { ...SIEM, host: 'SIEM.example.' })).to.equal(true);
    expect(isVouchedFor(notes, { ...SIEM, port: 1516 })).to.equal(false);
    expect(isVouchedFor(NOTHING_KNOWN, SIEM)).to.equal(false);
  });

  it('does not vouch for one that was only heard of', () => {
    const managers = new Map([['siem.example:1515', { ...SEEN, hearsay: true } as const]]);
    expect(isVouchedFor({ ...NOTHING_KNOWN, managers }, SIEM)).to.equal(false);
  });

  it('has how the key of this agent was proven, and nothing of the key of another', () => {
    const links = new Map([['siem.example:1514', { protocol: 'tcp', cipher: 'aes' } as const]]);
    const notes = { ...NOTHING_KNOWN, acknowledged: '001 web-01', links };
    expect(linksOf(notes, { id: '001', name: 'web-01' })).to.equal(links);
    for (const other of [
      { id: '002', name: 'web-01' },
      { id: '001', name: 'web-02' },
    ]) {
      expect(linksOf(notes, other).size).to.equal(0);
    }
    expect(linksOf({ ...NOTHING_KNOWN, links }, { id: '001', name: 'web-01' }).size).to.equal(0);
  });
});
