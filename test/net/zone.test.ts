import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { directDial } from '../../src/net/connect.js';
import { socketAddress, zoneIndex } from '../../src/net/zone.js';
import { failure } from '../keystore/scratch.js';

const here = () => [
  { name: 'eth0', index: 2 },
  { name: 'br-lan', index: 7 },
];

describe('the zone of a link-local address', () => {
  it('is what a socket of the system takes: a name, on Windows a number', () => {
    for (const zone of ['br-lan', '7']) {
      expect(socketAddress(`fe80::1%${zone}`, here, 'linux')).to.equal('fe80::1%br-lan');
      expect(socketAddress(`fe80::1%${zone}`, here, 'win32')).to.equal('fe80::1%7');
    }
    for (const address of ['10.0.0.5', '::1', '2001:db8::1']) expect(socketAddress(address, here)).to.equal(address);
  });

  it('is missed, with the interfaces that there are', () => {
    for (const [address, said] of [
      ['fe80::1', 'fe80::1 is a link-local address, and the interface that it is reached by is not named.'],
      ['fe80::1%eth9', 'this host has no interface eth9 with such an address.'],
    ] as const) {
      const attempt = () => socketAddress(address, here, 'linux');
      expect(attempt).to.throw(EnrollError, said).with.property('hint').which.contains('eth0 (2), br-lan (7)');
      expect(attempt).to.throw(EnrollError).with.property('code', 'CONNECTION_FAILED');
    }
  });

  it('is missed where a name has such an address', async () => {
    const dial = directDial(1000, async () => [{ address: 'fe80::1', family: 6 }]);
    const error = await failure(dial({ host: 'siem.example', port: 1515 }, new AbortController().signal));
    expect(error.message).to.contain('fe80::1 is a link-local address');
  });

  it('has a number for ossec.conf', () => {
    expect(zoneIndex('fe80::1%br-lan', here)).to.equal(7);
    expect(zoneIndex('fe80::1%7', here)).to.equal(7);
    expect(zoneIndex('fe80::1%eth9', here)).to.equal(undefined);
    expect(zoneIndex('fe80::1', here)).to.equal(undefined);
  });
});
