import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { decideIp, type RoutingFacts } from '../../src/host/register-ip.js';
import { isRecordAddress } from '../../src/model/agent-record.js';

const lan: RoutingFacts = {
  local: '10.0.0.5',
  manager: '10.0.0.9',
  addresses: [
    { interface: 'lo', address: '127.0.0.1', prefix: 8 },
    { interface: 'eth0', address: '10.0.0.5', prefix: 24 },
    { interface: 'eth1', address: '10.1.0.5', prefix: 24 },
    { interface: 'eth2', address: '198.41.0.4', prefix: 29 },
    { interface: 'eth3', address: 'fd00::5', prefix: 64 },
    { interface: 'eth3', address: 'fe80::5', prefix: 64 },
    { interface: 'eth4', address: '2600:1f18::5', prefix: 64 },
    { interface: 'wg0', address: '100.64.0.5', prefix: 32 },
  ],
  container: false,
  lease: 'permanent',
};

describe('host/register-ip', () => {
  const cases: readonly [string, Partial<RoutingFacts>, string | undefined][] = [
    ['10.0.0.5: the manager is on the same network', {}, '10.0.0.5'],
    ['10.0.0.5: the manager is on the same network', { lease: 'unknown' }, '10.0.0.5'],
    ['10.0.0.5: the manager is on the same network', { local: '::ffff:10.0.0.5' }, '10.0.0.5'],
    ['any: 10.0.0.5 is leased for a time', { lease: 'leased' }, undefined],
    ['any: this host is a container', { container: true }, undefined],
    ['any: 10.0.0.5 reaches 203.0.113.7 through address translation', { manager: '203.0.113.7' }, undefined],
    [
      'any: 10.0.0.5 and 10.1.0.9 are on different networks, and what lies between may translate addresses',
      { manager: '10.1.0.9' },
      undefined,
    ],
    ['any: the manager is on this host', { manager: '10.0.0.5' }, undefined],
    ['any: the manager is on this host', { local: '127.0.0.1', manager: '127.0.0.1' }, undefined],
    ['any: the manager is on this host', { local: '127.0.0.1', manager: '127.0.1.1' }, undefined],
    ['any: the manager is on this host', { local: '::1', manager: '::1', container: true }, undefined],
    ['198.41.0.4: the address is globally routable', { local: '198.41.0.4', manager: '8.8.4.4' }, '198.41.0.4'],
    ['any: 198.41.0.4 is leased for a time', { local: '198.41.0.4', manager: '8.8.4.4', lease: 'leased' }, undefined],
    ['fd00::5: the manager is on the same network', { local: 'fd00::5', manager: 'fd00::9' }, 'fd00::5'],
    [
      'any: fd00::5 reaches 2600:1f18::9 through address translation',
      { local: 'fd00::5', manager: '2600:1f18::9' },
      undefined,
    ],
    ['any: fe80::5 holds on one link only', { local: 'fe80::5%eth3', manager: 'fe80::9%eth3' }, undefined],
    [
      'any: 2600:1f18::5 is a temporary address',
      { local: '2600:1f18::5', manager: '2600::9', lease: 'temporary' },
      undefined,
    ],
    [
      'any: 100.64.0.5 and 100.64.0.9 are on different networks, and what lies between may translate addresses',
      { local: '100.64.0.5', manager: '100.64.0.9' },
      undefined,
    ],
    ['any: the address by which this host reaches the manager is not known', { local: '0.0.0.0' }, undefined],
    ['any: the address by which this host reaches the manager is not known', { local: 'nonsense' }, undefined],
  ];
  for (const [why, facts, address] of cases) {
    it(`auto, ${JSON.stringify(facts)}: ${why}`, () => {
      const decided = decideIp({ kind: 'auto' }, { ...lan, ...facts });
      expect(decided.why).to.equal(why);
      expect(decided.register).to.deep.equal(
        address === undefined ? { kind: 'any', unasked: true } : { kind: 'address', address },
      );
    });
  }

  it('auto without a known way registers any', () => {
    expect(decideIp({ kind: 'auto' }, undefined).register).to.deep.equal({ kind: 'any', unasked: true });
  });

  it('does what it is told, and says so', () => {
    const range = { kind: 'address', address: '192.168.0.1/24' } as const;
    expect(decideIp(range, undefined)).to.deep.equal({ register: range, why: '192.168.0.1/24: as asked for' });
    expect(decideIp({ kind: 'any' }, lan)).to.deep.include({ local: '10.0.0.5', register: { kind: 'any' } });
    expect(decideIp({ kind: 'source' }, lan).register).to.deep.equal({ kind: 'source' });
  });

  it('auto registers a fixed address only where nothing speaks against it', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.constantFrom(...lan.addresses.map((entry) => entry.address), '10.0.0.9', '198.41.0.3', 'fd00::9'),
    );
    const lease = fc.constantFrom('permanent', 'leased', 'temporary', 'unknown');
    fc.assert(
      fc.property(address, address, fc.boolean(), lease, (local, manager, container, lasts) => {
        const { register } = decideIp({ kind: 'auto' }, { ...lan, local, manager, container, lease: lasts });
        if (register.kind !== 'address') return;
        expect(isRecordAddress(register.address)).to.equal(true);
        expect(container).to.equal(false);
        expect(lasts).to.be.oneOf(['permanent', 'unknown']);
        expect(register.address).not.to.match(/^(127\.|0\.0\.0\.0|::1$|169\.254\.|fe80:)/);
      }),
    );
  });
});
