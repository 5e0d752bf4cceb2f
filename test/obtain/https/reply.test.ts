import { expect } from 'chai';
import { describe, it } from 'mocha';
import { faultInWords } from '../../../src/model/agent-record.js';
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

  for (const [changes, why] of [
    [{ id: '3' }, 'its id is not one that a manager gives to an agent'],
    [{ id: '000' }, 'its id is not one that a manager gives to an agent'],
    [{ id: '123456789' }, 'its id is not one that a manager gives to an agent'],
    [{ id: 'x003' }, 'its id is not one that a manager gives to an agent'],
    [{ id: '003x' }, 'its id is not one that a manager gives to an agent'],
    [{ id: 3 }, 'the id, the name, the address or the key is missing'],
    [{ name: undefined }, 'the id, the name, the address or the key is missing'],
    [{ ip: undefined }, 'the id, the name, the address or the key is missing'],
    [{ key: undefined }, 'the id, the name, the address or the key is missing'],
    [{ name: 'web-02' }, 'it is for the name web-02'],
    [{ ip: '10.0.0.300' }, faultInWords('ip')],
    [{ ip: 'any x' }, faultInWords('fields')],
    [{ ip: '10.0.0.0/8' }, 'it is for the address 10.0.0.0/8 and not for any'],
    [{ key: `${KEY}\n` }, 'its key is not 64 lower-case hexadecimal digits'],
    [{ key: `0${KEY}` }, 'its key is not 64 lower-case hexadecimal digits'],
    [{ key: KEY.toUpperCase() }, 'its key is not 64 lower-case hexadecimal digits'],
    [{ reenroll_secret: null }, 'its re-enrollment secret is not 64 lower-case hexadecimal digits'],
    [{ reenroll_secret: 'ab' }, 'its re-enrollment secret is not 64 lower-case hexadecimal digits'],
  ] as const) {
    it(`is refused in words with ${JSON.stringify(changes).slice(0, 30)}`, async () => {
      const error = await failure('REPLY_INVALID', () => readIssued(answer(changes), expected('web-01')));
      expect(error.message).to.equal(`The answer of manager:1517 is not a key for web-01: ${why}.`);
    });
  }

  it('is an object', async () => {
    for (const body of [undefined, null, [], 'x']) {
      const error = await failure('REPLY_INVALID', () => readIssued(body, expected('web-01')));
      expect(error.message).to.equal('The answer of manager:1517 is not a key for web-01: it is not a JSON object.');
    }
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
    expect(warnings).to.deep.equal([
      'The manager kept the address of this agent, 10.0.1.0/24: it is not the one asked for.',
    ]);
  });

  it('has no secret where the manager gave none', () => {
    expect(readIssued(answer(), expected('web-01'))).not.to.have.property('reenroll');
  });

  it('is told of where it is not bound to an address', () => {
    const wanted = { request: { name: 'web-01', ip: { kind: 'source' } }, where: 'm' } as const;
    expect(readIssued(answer(), wanted).warnings).to.have.length(1);
  });

  it('may not keep an address that none is, nor one that it never had', async () => {
    const secret = new Secret(KEY);
    for (const credential of [
      { kind: 'password', password: new Secret<Uint8Array>(Buffer.from('x')) },
      { kind: 'token', id: 'x', secret: new Secret<Uint8Array>(Buffer.from('x')) },
    ] as const) {
      await failure('REPLY_INVALID', () =>
        readIssued(answer({ ip: '10.0.1.0/24' }), { ...expected('web-01'), credential }),
      );
    }
    const reenroll = { kind: 'reenroll', id: '003', secret } as const;
    const read = readIssued(answer({ ip: '10.0.0.1' }), { ...expected('web-01'), credential: reenroll });
    expect(read.warnings).to.have.length(1);
  });
});
