import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseJson } from '../../../src/model/json.js';
import { Secret } from '../../../src/model/secret.js';
import { readIssued } from '../../../src/obtain/https/reply.js';
import { failure } from '../../net/expect-error.js';
import { wazuh5 } from '../../wazuh5.js';

const any = { kind: 'any' } as const;
const expected = (name: string) => ({ request: { name, ip: any }, where: 'manager:1517' });
const KEY = 'ab'.repeat(32);
const answer = (changes: Readonly<Record<string, unknown>> = {}) => ({
  id: '003',
  name: 'web-01',
  ip: 'any',
  key: KEY,
  ...changes,
});

describe('a key of a Wazuh 5', () => {
  for (const { name, asked_name: asked, body, expect: outcome } of wazuh5.enroll_answer) {
    it(`${name}: ${outcome}`, async () => {
      const read = () => readIssued(parseJson(body), expected(asked));
      if (outcome === 'refuse') {
        const error = await failure('REPLY_INVALID', read);
        expect(`${error.message} ${error.hint}`).not.to.match(/[0-9a-f]{32}/i);
        return;
      }
      const { record, reenroll } = read();
      expect(record.name).to.equal(asked);
      expect(reenroll?.secret.reveal().length).to.equal(outcome === 'accept' ? 64 : undefined);
    });
  }

  it('is refused with more or less than that', async () => {
    const bad = [
      { id: '3' },
      { id: '000' },
      { id: 3 },
      { ip: '10.0.0.300' },
      { ip: 'any x' },
      { key: `${KEY}\n` },
      { reenroll_secret: null },
    ];
    for (const changes of bad) await failure('REPLY_INVALID', () => readIssued(answer(changes), expected('web-01')));
  });

  it('is for the address that was asked for', async () => {
    const fixed = {
      request: { name: 'web-01', ip: { kind: 'address', address: '10.0.0.0/255.255.255.0' } },
      where: 'm',
    } as const;
    expect(readIssued(answer({ ip: '10.0.0.0/24' }), fixed).warnings).to.deep.equal([]);
    await failure('REPLY_INVALID', () => readIssued(answer({ ip: '10.0.1.0/24' }), fixed));
  });

  it('may keep its address where the agent was there already', () => {
    const credential = { kind: 'reenroll', id: '003', secret: new Secret(KEY) } as const;
    const { warnings } = readIssued(answer({ ip: '10.0.1.0/24' }), { ...expected('web-01'), credential });
    expect(warnings).to.have.length(1);
  });
});
