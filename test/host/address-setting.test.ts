import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { type IpSetting, parseIpSetting } from '../../src/host/address-setting.js';
import { isRecordAddress } from '../../src/model/agent-record.js';

describe('host/address-setting', () => {
  const words: readonly [string, IpSetting][] = [
    ['auto', { kind: 'auto' }],
    ['ANY', { kind: 'any' }],
    ['Source', { kind: 'source' }],
    ['src', { kind: 'source' }],
    [' 10.0.0.5 ', { kind: 'address', address: '10.0.0.5' }],
    ['192.168.0.1/24', { kind: 'address', address: '192.168.0.1/24' }],
    ['10.0.0.0/255.0.0.0', { kind: 'address', address: '10.0.0.0/255.0.0.0' }],
    ['0.0.0.0/0', { kind: 'address', address: '0.0.0.0/0' }],
    ['fd00::5', { kind: 'address', address: 'fd00::5' }],
    ['fd00::/64', { kind: 'address', address: 'fd00::/64' }],
  ];
  for (const [text, setting] of words) {
    it(`reads ${text}`, () => expect(parseIpSetting(text)).to.deep.equal(setting));
  }

  const wrong: readonly [string, string][] = [
    ['', 'empty'],
    ['10.1', 'four numbers'],
    ['1.2.3.4.5', 'four numbers'],
    ['010.0.0.5', 'leading zero'],
    ['10.0.0.256', 'no IP address'],
    ['0x0a.0.0.1', 'no IP address'],
    ['host.example', 'no IP address'],
    ['10.0.0.0/33', '0 to 32'],
    ['10.0.0.0/', '0 to 32'],
    ['10.0.0.0/255.0.255.0', 'netmask'],
    ['10.0.0.0/8/8', 'more than one'],
    ['fe80::1%eth0', 'zone'],
    ['::ffff:10.0.0.5', 'write 10.0.0.5'],
    ['fd00::/129', '0 to 128'],
    ['fd00::/ffff::', '0 to 128'],
    ['fd00:::1', 'no IPv6'],
    ['::', 'use any'],
    ['0.0.0.0', 'use any'],
    ['10.0.0.5 evil', 'no IP address'],
  ];
  for (const [text, fault] of wrong) {
    it(`refuses ${JSON.stringify(text)}: ${fault}`, () => {
      expect(() => parseIpSetting(text))
        .to.throw(EnrollError, fault)
        .with.property('code', 'SETTING_INVALID');
    });
  }

  it('lets nothing through that is not an address of a record', () => {
    const near = fc.oneof(
      fc.ipV4(),
      fc.ipV4Extended(),
      fc.ipV6(),
      fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: -1, max: 140 })).map(([a, n]) => `${a}/${n}`),
      fc.tuple(fc.ipV4(), fc.ipV4()).map(([a, m]) => `${a}/${m}`),
      fc.string(),
    );
    fc.assert(
      fc.property(near, (text) => {
        try {
          const setting = parseIpSetting(text);
          if (setting.kind === 'address') expect(isRecordAddress(setting.address)).to.equal(true);
        } catch (error) {
          expect(error).to.be.instanceOf(EnrollError).with.property('code', 'SETTING_INVALID');
        }
      }),
    );
  });

  it('takes every IPv4 range', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, bits) => {
        expect(parseIpSetting(`${address}/${bits}`)).to.deep.equal({ kind: 'address', address: `${address}/${bits}` });
      }),
    );
  });
});
