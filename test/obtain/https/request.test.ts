import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MEANINGS } from '../../../src/errors.js';
import type { RegisterIp } from '../../../src/model/register-address.js';
import { enrollBody } from '../../../src/obtain/https/request.js';
import { failure } from '../../net/expect-error.js';

const ask = (ip: RegisterIp, groups: readonly string[] = [], name = 'web-01') => enrollBody({ name, ip, groups });

describe('the request to a Wazuh 5', () => {
  it('says the version that no manager refuses, and the address in any case', () => {
    expect(ask({ kind: 'any' })).to.deep.equal({ name: 'web-01', version: 'v5.0.0', ip: 'any' });
    expect(ask({ kind: 'source' }, ['a', 'b'])).to.deep.equal({
      name: 'web-01',
      version: 'v5.0.0',
      groups: 'a,b',
      ip: 'src',
    });
  });

  it('writes a netmask as a number of bits, and everything else as it was given', () => {
    const ip = (address: string) => ask({ kind: 'address', address }).ip;
    expect(ip('10.0.0.0/255.255.255.0')).to.equal('10.0.0.0/24');
    expect(ip('10.0.0.0/24')).to.equal('10.0.0.0/24');
    expect(ip('10.0.0.9')).to.equal('10.0.0.9');
    expect(ip('2001:db8::/32')).to.equal('2001:db8::/32');
  });

  const long = (count: number, last: number) => [
    ...Array.from({ length: count }, (_, index) => `${index}`.padStart(200, 'g')),
    'g'.repeat(last),
  ];

  it('refuses what a manager would refuse, before anything is sent, in words', async () => {
    const cases = [
      [
        () => ask({ kind: 'any' }, [], 'a b\n'),
        'NAME_UNUSABLE',
        'No manager takes a b? as the name of an agent.',
        "Give a name of 2 to 128 letters, digits, '.', '_' and '-', without a leading '.', with --name.",
      ],
      [
        () => ask({ kind: 'any' }, ['a,b']),
        'GROUP_REFUSED',
        '"a,b" cannot be the name of a group.',
        MEANINGS.GROUP_REFUSED.hint,
      ],
      [
        () => ask({ kind: 'address', address: '10.0.0.300' }),
        'SETTING_INVALID',
        '10.0.0.300 is not an address or range of an agent.',
        'Use --ip ADDRESS, ADDRESS/BITS, any or source.',
      ],
      [
        () => ask({ kind: 'address', address: 'any' }),
        'SETTING_INVALID',
        'any is not an address or range of an agent.',
        'Use --ip ADDRESS, ADDRESS/BITS, any or source.',
      ],
      [
        () => ask({ kind: 'any' }, long(81, 45)),
        'SETTING_INVALID',
        'The request would have 16385 bytes, and a manager reads 16384 at most.',
        'Name fewer groups, and assign the others on the manager afterwards.',
      ],
    ] as const;
    for (const [call, code, message, hint] of cases) {
      const error = await failure(code, call);
      expect([error.message, error.hint]).to.deep.equal([message, hint]);
    }
  });

  it('is as long as a manager reads', () => {
    expect(JSON.stringify(ask({ kind: 'any' }, long(81, 44)))).to.have.length(16_384);
  });
});
