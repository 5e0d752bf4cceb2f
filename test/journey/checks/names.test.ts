import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { managerName, type NameLook, route } from '../../../src/journey/checks/names.js';
import { failed, proved } from './check-scene.js';

const of = (host: string, ...addresses: string[]): NameLook => ({
  endpoint: { host, port: 1514 },
  routes: addresses.map((manager) => ({ manager, local: '10.0.0.1' })),
});
const without = (host: string, code: ErrorCode): NameLook => ({
  ...of(host),
  error: new EnrollError(code, `Nothing of ${host}.`, { hint: `About ${host}.` }),
});
const proxied: NameLook = { ...of('siem.example'), proxied: true };
const LOST = without('lost.example', 'HOST_UNRESOLVED');
const CUT = without('cut.example', 'CONNECTION_FAILED');
const unresolved = failed('LINK_SILENT', { kind: 'unresolved' });

describe('the check of the manager name', () => {
  for (const [look, detail] of [
    [of('192.0.2.1', '192.0.2.1'), '192.0.2.1 is an address.'],
    [of('siem.example', '192.0.2.1'), 'siem.example is 192.0.2.1.'],
    [of('siem.example', '192.0.2.1', '192.0.2.2'), 'siem.example is 192.0.2.1, 192.0.2.2.'],
    [
      { ...of('siem.example', '192.0.2.1', '192.0.2.2'), answering: ['192.0.2.2'] },
      'siem.example is 192.0.2.1 (no answer on the agent port over TCP), 192.0.2.2 (answers on the agent port over TCP).',
    ],
    [{ ...of('siem.example', '192.0.2.1', '192.0.2.2'), answering: [] }, 'siem.example is 192.0.2.1, 192.0.2.2.'],
    [CUT, 'cut.example has an address.'],
    [proxied, 'siem.example is reached through the proxy, which finds its address.'],
  ] satisfies [NameLook, string][]) {
    it(`says: ${detail}`, () => {
      expect(managerName([look], proved, undefined)).to.deep.equal({ id: 'manager-name', ok: true, detail });
    });
  }
  it('tells of each manager', () => {
    expect(
      managerName([of('a.example', '192.0.2.1'), of('192.0.2.2', '192.0.2.2')], proved, undefined).detail,
    ).to.equal('a.example is 192.0.2.1. 192.0.2.2 is an address.');
  });
  it('is wrong where one has no address, and no end where another answered', () => {
    const expected = {
      id: 'manager-name',
      ok: false,
      detail: 'Nothing of lost.example. siem.example is 192.0.2.1.',
      hint: 'About lost.example.',
    };
    const looks = [of('siem.example', '192.0.2.1'), LOST];
    expect(managerName(looks, proved, undefined)).to.deep.equal(expected);
    // The cause of a link that works is none.
    expect(managerName(looks, proved, 'manager-name')).to.deep.equal(expected);
    expect(managerName(looks, unresolved, 'agent-port')).to.deep.equal(expected);
  });
  it('is the end of a link that found no address', () => {
    expect(managerName([LOST], unresolved, 'manager-name')).to.deep.equal({
      id: 'manager-name',
      ok: false,
      detail: 'Nothing of lost.example.',
      hint: 'About lost.example.',
      error: unresolved.error,
    });
  });
  it('is the end too where the name has an address by now', () => {
    const found = [of('siem.example', '192.0.2.1')];
    expect(managerName(found, unresolved, 'manager-name')).to.deep.equal({
      id: 'manager-name',
      ok: false,
      detail: 'It failed.',
      hint: 'Look.',
      error: unresolved.error,
    });
    expect(managerName(found, proved, 'manager-name')).to.include({ ok: true });
    expect(managerName(found, unresolved, 'key')).to.include({ ok: true });
  });
});

describe('the check of the route', () => {
  for (const [what, looks, finding] of [
    [
      'a way to each',
      [of('a.example', '192.0.2.1', '192.0.2.2'), of('b.example', '192.0.2.3'), proxied],
      { ok: true, detail: 'This host reaches a.example:1514 from 10.0.0.1, b.example:1514 from 10.0.0.1.' },
    ],
    [
      'none to some',
      [of('a.example', '192.0.2.1'), LOST, CUT, without('far.example', 'CONNECTION_FAILED')],
      { ok: false, detail: 'Nothing of cut.example. Nothing of far.example.', hint: 'About cut.example.' },
    ],
    ['a proxy', [LOST, proxied], { ok: null, detail: 'A proxy speaks in the place of this host.' }],
    ['no address', [LOST], { ok: null, detail: "Not looked at: the manager's name has no address." }],
  ] satisfies [string, NameLook[], object][]) {
    it(`says of ${what}: ${finding.detail}`, () => {
      expect(route(looks)).to.deep.equal({ id: 'route', ...finding });
    });
  }
});
