import { expect } from 'chai';
import { describe, it } from 'mocha';
import { faultInWords } from '../../../src/model/agent-record.js';
import { readIssued } from '../../../src/obtain/api/issued.js';
import { failure } from '../../net/expect-error.js';

const expected = { name: 'web-01', asked: { kind: 'any' }, where: 'manager:55000' } as const;
const line = (text: string) => Buffer.from(text).toString('base64');
const KEY = 'ab'.repeat(32);
const good = (id = '001', name = 'web-01', ip = 'any') => ({ id, key: line(`${id} ${name} ${ip} ${KEY}`) });

describe('a key from an API', () => {
  it('may be bound to the address that the manager sees, which is told', () => {
    expect(readIssued(good(), expected).warnings).to.deep.equal([]);
    expect(readIssued(good('001', 'web-01', '10.0.0.9'), expected).warnings).to.have.length(1);
  });

  for (const [what, data, why] of [
    ['no id', { key: good().key }, 'it has no id or no key'],
    ['no key', { id: '001' }, 'it has no id or no key'],
    ['a key in no base64', { id: '001', key: `${good().key}!` }, 'the key is not base64'],
    ['something before the base64', { id: '001', key: `!${good().key}` }, 'the key is not base64'],
    ['bits beyond the last byte', { id: '001', key: `${good().key.slice(0, -4)}YR==` }, 'the key is not base64'],
    [
      'no record',
      { id: '001', key: line('001 x') },
      `the key is not one record of client.keys: ${faultInWords('fields')}`,
    ],
    ['another name', good('001', 'web-02'), 'it is for the agent web-02'],
    ['another id', { ...good(), id: '002' }, 'it is for the id 001, and the answer names another'],
    ['another address', good('001', 'web-01', '10.0.0.0/8'), 'it is for the address 10.0.0.0/8 and not for any'],
  ] as const) {
    it(`with ${what} is refused in words`, async () => {
      const error = await failure('REPLY_INVALID', () => readIssued(data, expected));
      expect(error.message).to.equal(`The answer of manager:55000 is not a key for web-01: ${why}.`);
    });
  }
});
