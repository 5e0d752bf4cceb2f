import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { deriveKey, messageKey } from '../../../src/link/message/key.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import { Secret } from '../../../src/model/secret.js';

function textOf(record: AgentRecord): string {
  return Buffer.from(deriveKey(record).reveal()).toString('latin1');
}

const RECORD: AgentRecord = { id: '001', name: 'web-01', ip: 'any', key: new Secret('a'.repeat(64)) };

describe('link/key', () => {
  it('begins with the MD5 of the key, which is all that AES uses', () => {
    const md5 = createHash('md5').update('a'.repeat(64)).digest('hex');
    expect(textOf(RECORD).slice(0, 32)).to.equal(md5);
    expect(textOf({ ...RECORD, name: 'web-02', id: '002' }).slice(0, 32)).to.equal(md5);
  });

  it('ends with 15 digits that name and id decide, and the address does not', () => {
    expect(textOf(RECORD)).to.match(/^[0-9a-f]{47}$/);
    expect(textOf({ ...RECORD, name: 'web-02' })).to.not.equal(textOf(RECORD));
    expect(textOf({ ...RECORD, id: '1' })).to.not.equal(textOf(RECORD));
    expect(textOf({ ...RECORD, ip: '10.0.0.1' })).to.equal(textOf(RECORD));
  });

  it('counts 127 characters of each field', () => {
    const long = 'n'.repeat(127);
    expect(textOf({ ...RECORD, name: `${long}x` })).to.equal(textOf({ ...RECORD, name: long }));
    expect(textOf({ ...RECORD, name: long })).to.not.equal(textOf({ ...RECORD, name: long.slice(1) }));
    const key = (text: string) => textOf({ ...RECORD, key: new Secret(text) });
    expect(key('k'.repeat(127))).to.equal(key('k'.repeat(128)));
    expect(key('k'.repeat(127))).to.not.equal(key('k'.repeat(126)));
  });

  it('cannot be printed by accident', () => {
    const key = deriveKey(RECORD);
    const shown = `${key} ${JSON.stringify({ key })} ${inspect(key, { depth: 9, showHidden: true })} ${inspect([key])}`;
    expect(shown).to.not.include(textOf(RECORD).slice(0, 8));
    expect(shown).to.include('[secret]');
  });

  it('has 47 bytes', () => {
    expect(() => messageKey(new Uint8Array(46))).to.throw(RangeError, 'A message key has 47 bytes, not 46.');
  });
});
