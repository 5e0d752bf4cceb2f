import { expect } from 'chai';
import { describe, it } from 'mocha';
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

  it('refuses what a manager would refuse, before anything is sent', async () => {
    await failure('NAME_UNUSABLE', () => ask({ kind: 'any' }, [], 'a b'));
    await failure('GROUP_REFUSED', () => ask({ kind: 'any' }, ['a,b']));
    await failure('SETTING_INVALID', () => ask({ kind: 'address', address: '10.0.0.300' }));
    const many = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(200, 'g'));
    await failure('SETTING_INVALID', () => ask({ kind: 'any' }, many));
  });
});
