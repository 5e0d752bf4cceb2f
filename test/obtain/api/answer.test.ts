import { expect } from 'chai';
import { describe, it } from 'mocha';
import { itemsOf, readAnswer } from '../../../src/obtain/api/answer.js';

const failed = (...items: readonly unknown[]) => ({ failed_items: items });
const ONE = { error: { code: 1701, message: 'Gone' }, id: ['001', 2] };
const READ = { code: 1701, said: 'Gone', ids: ['001'] };

describe('an answer of an API', () => {
  for (const [what, status, body, answer] of [
    ['3.x, done', 200, { error: 0, data: 'x' }, { kind: 'done', data: 'x', failed: [] }],
    ['4.x, all failed', 200, { error: 1, data: failed(ONE) }, { kind: 'done', data: failed(ONE), failed: [READ] }],
    ['4.x, some failed', 200, { error: 2, data: failed(ONE) }, { kind: 'done', data: failed(ONE), failed: [READ] }],
    [
      '3.x, where one agent failed',
      200,
      { error: 0, data: { failed_ids: [{ ...ONE, id: '001' }] } },
      { kind: 'done', data: { failed_ids: [{ ...ONE, id: '001' }] }, failed: [READ] },
    ],
    [
      'a failure without a word',
      200,
      { error: 2, data: failed({}) },
      { kind: 'done', data: failed({}), failed: [{ code: 0, said: '', ids: [] }] },
    ],
    [
      '1, and nothing failed',
      200,
      { error: 1, data: {}, message: 'x' },
      { kind: 'refused', status: 200, said: 'x', code: 1 },
    ],
    [
      '3, and something failed',
      200,
      { error: 3, data: failed(ONE) },
      { kind: 'refused', status: 200, said: '', code: 3 },
    ],
    [
      'a refusal of 3.x, its code a text',
      200,
      { error: '607', message: 'x' },
      { kind: 'refused', status: 200, said: 'x', code: 607 },
    ],
    ['a code that is none', 200, { error: 'x607', message: 'x' }, { kind: 'foreign', status: 200 }],
    ['a code that is too long', 200, { error: '1234567' }, { kind: 'foreign', status: 200 }],
    ['a code that is no whole number', 200, { error: 1.5 }, { kind: 'foreign', status: 200 }],
    ['other JSON', 200, { data: {} }, { kind: 'foreign', status: 200 }],
    ['no JSON', 200, undefined, { kind: 'foreign', status: 200 }],
    ['no JSON, and a refusal', 400, undefined, { kind: 'refused', status: 400, said: '' }],
    ['no JSON, and none yet', 399, undefined, { kind: 'foreign', status: 399 }],
    ['a 201, which no API gives', 201, { error: 0 }, { kind: 'foreign', status: 201 }],
    [
      'a problem of 4.x',
      400,
      { title: 'T', detail: 'D', remediation: 'R', error: 1705 },
      { kind: 'refused', status: 400, said: 'D. R', code: 1705 },
    ],
    ['a problem with a title alone', 401, { title: 'T', remediation: '' }, { kind: 'refused', status: 401, said: 'T' }],
    ['a message rather than a title', 500, { title: 'T', message: 'M' }, { kind: 'refused', status: 500, said: 'M' }],
  ] as const) {
    it(`is read: ${what}`, () => expect(readAnswer(status, body)).to.deep.equal(answer));
  }

  it('has its list in the words of either generation', () => {
    expect(itemsOf({ affected_items: [1], items: [2] })).to.deep.equal([1]);
    expect(itemsOf({ items: [2] })).to.deep.equal([2]);
    expect(itemsOf(undefined)).to.deep.equal([]);
  });
});
