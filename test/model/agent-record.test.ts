import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  faultInWords,
  firstRecord,
  formatRecord,
  isAgentName,
  isRecordAddress,
  keyHash,
  LONGEST_NAME,
  parseRecord,
  sameRecord,
} from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { line, NEW, OLD } from '../keystore/scratch.js';
import { wazuh5 } from '../wazuh5.js';
import { anyRecord } from './any-record.js';

const KEY = 'f'.repeat(64);

describe('a client.keys record', () => {
  it('is read out of the line that a manager writes', () => {
    const parsed = parseRecord(`003 DBServer 192.168.0.1/24 ${KEY}`);
    expect(parsed.ok && { ...parsed.record, key: parsed.record.key.reveal() }).to.deep.equal({
      id: '003',
      name: 'DBServer',
      ip: '192.168.0.1/24',
      key: KEY,
    });
  });

  it('comes back the same from its line, whatever it is', () => {
    fc.assert(
      fc.property(anyRecord, (any) => {
        const parsed = parseRecord(formatRecord(any));
        expect(parsed.ok && sameRecord(parsed.record, any)).to.equal(true);
      }),
    );
  });

  const wrong: readonly (readonly [string, string, string])[] = [
    ['a field too few', `001 web-01 any`, 'fields'],
    ['a field too many', `001 web-01 any ${KEY} x`, 'fields'],
    ['two spaces', `001  web-01 any ${KEY}`, 'fields'],
    ['a tab', `001\tweb-01 any ${KEY}`, 'characters'],
    ['a line end', `001 web-01 any ${KEY}\n002 evil any ${KEY}`, 'characters'],
    ['a NUL', `001 web-01\0 any ${KEY}`, 'characters'],
    ['a byte order mark', `\ufeff001 web-01 any ${KEY}`, 'characters'],
    ['an id that is no number', `0x1 web-01 any ${KEY}`, 'id'],
    ["the manager's own id", `000 web-01 any ${KEY}`, 'id'],
    ['a name with a path', `001 ../etc any ${KEY}`, 'name'],
    ['a name of one letter', `001 w any ${KEY}`, 'name'],
    ['a removed agent', `001 !web-01 any ${KEY}`, 'removed'],
    ['an address out of range', `001 web-01 10.0.0.256 ${KEY}`, 'ip'],
    ['a mask out of range', `001 web-01 10.0.0.1/33 ${KEY}`, 'ip'],
    ['a short key', `001 web-01 any ${KEY.slice(1)}`, 'key'],
    ['a key with a quote', `001 web-01 any ${KEY}'`, 'key'],
  ];
  for (const [what, text, fault] of wrong) {
    it(`is refused with ${what}`, () => {
      expect(parseRecord(text)).to.deep.equal({ ok: false, fault });
    });
  }

  it('has words for each fault, none of them twice', () => {
    const faults = wrong.map(([, text]) => parseRecord(text)).flatMap((parsed) => (parsed.ok ? [] : [parsed.fault]));
    const words = [...new Set(faults)].map(faultInWords);
    expect(new Set(words)).to.have.property('size', 7);
    for (const each of words) expect(each).to.match(/^it(s| has| does| is) .*[^.]$/);
  });

  it('has only addresses that the agent daemon starts with', () => {
    const good = ['any', '10.0.0.1', '10.0.0.0/8', '10.0.0.0/255.0.0.0', '2001:DB8::1', '2001:db8::/32', '::1'];
    const bad = [
      '',
      'ANY',
      '10.0.0',
      '10.0.0.1/',
      '10.0.0.1/8/8',
      '10.0.0.0/255.0.255.0',
      'fe80::1%eth0',
      '::/129',
      '0x7f.1',
    ];
    expect(good.filter((ip) => !isRecordAddress(ip))).to.deep.equal([]);
    expect(bad.filter(isRecordAddress)).to.deep.equal([]);
  });

  it('has only names that a manager takes', () => {
    expect(['web-01', 'a.b_c', 'x'.repeat(LONGEST_NAME)].filter((n) => !isAgentName(n))).to.deep.equal([]);
    expect(['', 'w', '.web', 'web 01', 'wéb', 'x'.repeat(LONGEST_NAME + 1)].filter(isAgentName)).to.deep.equal([]);
  });

  it('never shows its key by accident', () => {
    expect(`${JSON.stringify(OLD)} ${String(OLD.key)}`).not.to.contain(OLD.key.reveal());
  });

  it('is hashed as authd hashes it', () => {
    // printf '%s' 001web-01aaaa… | sha1sum
    expect(keyHash(OLD)).to.equal('cddce893d4bf32b591980648d1dc7e2a3d3b5946');
    for (const { id, name, key, sha1_hex: hash } of wazuh5.key_hash) {
      expect(keyHash({ id, name, ip: 'any', key: new Secret(key) })).to.equal(hash);
    }
  });
});

describe('the first entry of client.keys', () => {
  it('is found behind comments, blanks and removed agents', () => {
    const found = firstRecord(`# a comment\n\n 004 blank any ${KEY}\n001 !gone any ${KEY}\r\n${line(NEW)}${line(OLD)}`);
    expect(found?.ok && sameRecord(found.record, NEW)).to.equal(true);
  });

  it('is found behind lines that an agent takes for none', () => {
    for (const before of [
      'rubbish',
      'three fields only',
      '001 !gone',
      '001 #*#*#*',
      'schl\xfcssel',
      KEY,
      '\tx',
      '\x00',
    ]) {
      const found = firstRecord(`${before}\n${line(NEW)}${line(OLD)}`);
      expect(found?.ok && sameRecord(found.record, NEW), before).to.equal(true);
    }
    expect(firstRecord('001 web-01 any\n')).to.deep.equal({ ok: false, fault: 'fields' });
  });

  it('is not looked for behind a broken one, which the agent would stop at', () => {
    expect(firstRecord(`001 web-01 nowhere ${KEY}\n${line(NEW)}`)).to.deep.equal({ ok: false, fault: 'ip' });
  });

  it('is absent in a file without any', () => {
    expect(firstRecord('')).to.equal(undefined);
    expect(firstRecord('\n# nothing\n')).to.equal(undefined);
  });

  it('is found, or its fault is, whatever the file holds', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void firstRecord(Buffer.from(bytes).toString('latin1'))));
  });
});
