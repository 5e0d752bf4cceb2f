import { expect } from 'chai';
import { describe, it } from 'mocha';
import { addressMismatch } from '../../../src/link/message/address-mismatch.js';
import { RECORD } from './handshake-run.js';

const told = (ip: string, local?: string) => addressMismatch({ ...RECORD, ip }, local) !== undefined;

describe('link/address-mismatch', () => {
  it('tells both addresses', () => {
    expect(addressMismatch({ ...RECORD, ip: '10.0.0.0/8' }, '192.0.2.7')).to.equal(
      'The record is for 10.0.0.0/8, and this host speaks to the manager from 192.0.2.7.',
    );
  });

  it('is none where the record is for any address, or where this host has not spoken', () => {
    expect(told('any', '192.0.2.7')).to.equal(false);
    expect(told('192.0.2.8')).to.equal(false);
  });

  it('is one for each record that a remoted takes for another address', () => {
    for (const [ip, local, mismatch] of [
      ['192.0.2.7', '192.0.2.7', false],
      ['192.0.2.8', '192.0.2.7', true],
      ['192.0.2.0/24', '192.0.2.7', false],
      ['192.0.2.0/24', '192.0.3.7', true],
      ['192.0.2.0/32', '192.0.2.7', true],
      ['0.0.0.0/0', '192.0.2.7', false],
      ['192.0.2.0/255.255.255.0', '192.0.2.7', false],
      ['192.0.2.0/255.255.255.0', '192.0.3.7', true],
      ['2001:db8::7', '2001:db8::7', false],
      ['2001:0db8:0:0:0:0:0:7', '2001:db8::7', false],
      ['2001:db8::8', '2001:db8::7', true],
      ['2001:db8::/64', '2001:db8::7', false],
      ['2001:db8:1::/64', '2001:db8::7', true],
      ['2001:db8::7/128', '2001:db8::7', false],
      ['2001:db8::7/128', '2001:db8::8', true],
      ['fe80::7', 'fe80::7%eth0', false],
      ['fe80::8', 'fe80::7%eth0', true],
      ['192.0.2.7', '2001:db8::7', true],
      ['2001:db8::7', '192.0.2.7', true],
    ] as const) {
      expect(told(ip, local), `${ip} from ${local}`).to.equal(mismatch);
    }
  });

  it('is none where nobody can say: an address or a mask that is none', () => {
    for (const [ip, local] of [
      ['nowhere', '192.0.2.7'],
      ['', '192.0.2.7'],
      ['10.0.0.0/x8', '192.0.2.7'],
      ['10.0.0.0/8x', '192.0.2.7'],
      ['10.0.0.0/129', '192.0.2.7'],
      ['10.0.0.0/255.0.255.0', '192.0.2.7'],
      ['10.0.0.8', 'somewhere'],
    ] as const) {
      expect(told(ip, local), `${ip} from ${local}`).to.equal(false);
    }
  });
});
