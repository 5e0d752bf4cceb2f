import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, type ErrorCode, MEANINGS } from '../../../src/errors.js';
import { converse } from '../../../src/obtain/api/converse.js';
import type { ApiRequest, Exchange } from '../../../src/obtain/api/http.js';
import { failure } from '../../net/expect-error.js';

const live = new AbortController().signal;
const READ: ApiRequest = { method: 'GET', path: '/agents' };
const ADD: ApiRequest = { method: 'POST', path: '/agents', once: 'creates' };

/** Talks to an API that answers so, the last answer staying; each wait is allowed as often as `patience` says. */
function talk(answers: readonly Exchange[], request: ApiRequest, patience = 0) {
  let asked = 0;
  let waited = 0;
  const http = {
    verdict: undefined,
    request: async () => answers[Math.min(asked++, answers.length - 1)] ?? reply(500, {}),
    close: async () => {},
  };
  const waits = { wait: async () => waited++ < patience };
  return { settled: () => converse(http, waits, 'manager:55000')(request, undefined, live), asked: () => asked };
}

const reply = (status: number, body: unknown): Exchange => ({
  kind: 'reply',
  reply: { status, header: () => undefined, body },
});
const refused = (status: number, error: number) => reply(status, { title: 'x', error });
const cause = new EnrollError('CONNECTION_FAILED', 'It broke.');
const starting = 'manager:55000 answers, but the manager behind it is not ready';
const failed = 'manager:55000 failed while it worked on the request for the agent';
const limited = 'manager:55000 gets more requests than it takes in a minute (error 6001).';
const foreign = "manager:55000 gave an answer that is none of the manager's API (HTTP 204).";

describe('a call of the API that gets no use out of an answer', () => {
  for (const [what, answer, request, code, message] of [
    ['lost', { kind: 'lost', error: cause }, READ, 'CONNECTION_FAILED', 'It broke.'],
    ['foreign', reply(204, undefined), READ, 'NOT_API', foreign],
    [
      'blocked',
      refused(403, 6000),
      ADD,
      'API_BLOCKED',
      'manager:55000 has blocked this address for its failed logins (error 6000). It refuses the right password as well until the block ends.',
    ],
    ['limited by HTTP', reply(429, {}), ADD, 'API_RATE_LIMITED', limited],
    ['limited by a code', refused(403, 6001), READ, 'API_RATE_LIMITED', limited],
    ['without a socket', refused(500, 1013), ADD, 'API_STARTING', `${starting} (error 1013).`],
    ['without daemons', refused(500, 1017), ADD, 'API_STARTING', `${starting} (error 1017).`],
    ['at fault', reply(500, {}), READ, 'API_STARTING', `${starting} (HTTP 500).`],
  ] as const) {
    it(`throws: ${what}`, async () => {
      const call = talk([answer], request);
      expect((await failure(code, call.settled)).message).to.equal(message);
      expect(call.asked()).to.equal(1);
    });
  }

  for (const [what, answer, code, message] of [
    [
      'lost',
      { kind: 'lost', error: cause },
      'ANSWER_LOST',
      'It broke. The request for the agent had been sent by then.',
    ],
    [
      'unusable',
      { kind: 'unusable', error: cause },
      'REPLY_INVALID',
      'It broke. The request for the agent had been sent by then.',
    ],
    ['foreign', reply(204, undefined), 'REPLY_INVALID', foreign],
    ['a fault', reply(500, {}), 'ANSWER_LOST', `${failed} (HTTP 500).`],
    ['half done, 1000', refused(400, 1000), 'ANSWER_LOST', `${failed} (error 1000).`],
    ['half done, 1014', refused(400, 1014), 'ANSWER_LOST', `${failed} (error 1014).`],
    ['half done, 3021', refused(400, 3021), 'ANSWER_LOST', `${failed} (error 3021).`],
  ] as const satisfies readonly (readonly [string, Exchange, ErrorCode, string])[]) {
    it(`does not know what came of an agent that was asked for: ${what}`, async () => {
      const call = talk([answer], ADD, 3);
      const settled = await call.settled();
      if (settled.kind !== 'unknown') throw new Error(settled.kind);
      expect(settled.error).to.include({ code, message, hint: MEANINGS[code].hint });
      expect(settled.error.cause).to.equal(message.startsWith('It broke') ? cause : undefined);
      expect(call.asked()).to.equal(1);
    });
  }
});

describe('a call of the API that deletes an agent', () => {
  for (const [answer, code, message] of [
    [{ kind: 'lost', error: cause }, 'ANSWER_LOST', 'It broke. The request to delete the agent had been sent by then.'],
    [reply(204, undefined), 'REPLY_INVALID', foreign],
    [reply(500, {}), 'ANSWER_LOST', `${failed.replace('for the agent', 'to delete the agent')} (HTTP 500).`],
  ] as const) {
    it(`is made again by who gave it, which finds out: ${message}`, async () => {
      const settled = await talk([answer], { method: 'DELETE', path: '/agents', once: 'deletes' }, 3).settled();
      if (settled.kind !== 'unknown') throw new Error(settled.kind);
      expect(settled.error).to.include({
        code,
        message,
        hint: 'Run the same command again: it looks first whether the manager still has the agent.',
      });
    });
  }
});

describe('a call of the API', () => {
  it('is made again as long as there is patience', async () => {
    for (const busy of [refused(429, 6001), refused(500, 1013), refused(500, 1017)]) {
      const call = talk([busy, busy, reply(200, { error: 0, data: {} })], ADD, 2);
      expect((await call.settled()).kind).to.equal('answer');
      expect(call.asked()).to.equal(3);
    }
  });

  it('gives a refusal of any other code as it is', async () => {
    const settled = await talk([refused(400, 1705)], ADD, 3).settled();
    expect(settled.kind === 'answer' && settled.answer).to.include({ kind: 'refused', status: 400, code: 1705 });
    const read = await talk([refused(400, 1000)], READ, 3).settled();
    expect(read.kind === 'answer' && read.answer).to.include({ kind: 'refused', code: 1000 });
  });
});
