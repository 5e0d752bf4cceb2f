import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MEANINGS } from '../../../src/errors.js';
import type { RegisterIp } from '../../../src/model/register-address.js';
import { addressFor, storedForm } from '../../../src/obtain/api/address-field.js';
import { failure } from '../../net/expect-error.js';

const of = (major: number, minor: number) => ({ major, minor, text: `${major}.${minor}.1` });
const fixed = (address: string): RegisterIp => ({ kind: 'address', address });

describe('the address as an API takes it', () => {
  for (const [asked, info, ip, become] of [
    [{ kind: 'any' }, of(3, 13), 'any', { kind: 'any' }],
    [{ kind: 'any' }, of(4, 14), 'any', { kind: 'any' }],
    [{ kind: 'source' }, of(3, 13), undefined, { kind: 'source' }],
    [fixed('ANY'), of(4, 14), 'any', { kind: 'any' }],
    [fixed('10.0.0.9/255.255.255.255'), of(4, 0), '10.0.0.9', fixed('10.0.0.9')],
    [fixed('10.1.2.3/8'), of(4, 9), '10.0.0.0/8', fixed('10.0.0.0/8')],
    [fixed('10.1.2.3/8'), of(5, 0), '10.0.0.0/8', fixed('10.0.0.0/8')],
    [fixed('10.1.2.3/16'), of(3, 13), '10.1.0.0/16', fixed('10.1.0.0/16')],
    [fixed('10.1.2.3/255.255.0.0'), of(4, 9), '10.1.0.0/16', fixed('10.1.0.0/16')],
    [fixed('2001:db8::1'), of(4, 4), '2001:db8::1', fixed('2001:db8::1')],
    [fixed('2001:db8::1/32'), of(4, 9), '2001:db8::/32', fixed('2001:db8::/32')],
  ] as const) {
    it(`${JSON.stringify(asked)} is sent to ${info.text} as ${ip}`, () => {
      expect(addressFor(asked, info)).to.deep.equal({ ip, asked: become, warnings: [] });
    });
  }

  it('that the API sees is any for 4.x, which is told', () => {
    expect(addressFor({ kind: 'source' }, of(4, 0))).to.deep.equal({
      ip: 'any',
      asked: { kind: 'any' },
      warnings: [
        "The API of 4.0.1 cannot register the address that it sees (--ip source), so 'any' was registered. Give the address with --ip ADDRESS, or enroll with authd.",
      ],
    });
  });

  for (const [address, info, message, hint] of [
    ['10.0.0.300', of(4, 14), '"10.0.0.300" is no address for an agent.', MEANINGS.IP_REFUSED.hint],
    [
      '2001:db8::1',
      of(4, 3),
      'The manager (API 4.3.1) cannot register the IPv6 address 2001:db8::1; 4.4 and later can. Nothing was sent.',
      'Use --ip any, or an IPv4 address by which the manager sees this host.',
    ],
    [
      '2001:db8::1',
      of(3, 13),
      'The manager (API 3.13.1) cannot register the IPv6 address 2001:db8::1; 4.4 and later can. Nothing was sent.',
      'Use --ip any, or an IPv4 address by which the manager sees this host.',
    ],
    [
      '10.1.2.3/8',
      of(4, 8),
      'The API of 4.8.1 takes no address range such as 10.0.0.0/8; 4.9 and later do. Nothing was sent.',
      'Use --ip any, a single address, or enroll with authd, which takes ranges.',
    ],
  ] as const) {
    it(`${address} is refused for ${info.text}, in words`, async () => {
      const error = await failure('IP_REFUSED', () => addressFor(fixed(address), info));
      expect([error.message, error.hint]).to.deep.equal([message, hint]);
    });
  }

  it('is written out by a manager where it is IPv6 alone', () => {
    expect(storedForm('10.0.0.0/8')).to.equal('10.0.0.0/8');
    expect(storedForm('2001:db8::/32')).to.equal('2001:0DB8:0000:0000:0000:0000:0000:0000/32');
    expect(storedForm('2001:db8::a')).to.equal('2001:0DB8:0000:0000:0000:0000:0000:000A');
  });
});
