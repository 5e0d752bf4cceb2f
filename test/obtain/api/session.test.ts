import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError, MEANINGS } from '../../../src/errors.js';
import type { Secret } from '../../../src/model/secret.js';
import type { KnownAnswer } from '../../../src/obtain/api/answer.js';
import type { ApiKind } from '../../../src/obtain/api/api-version.js';
import type { Answered, Settled } from '../../../src/obtain/api/converse.js';
import type { ApiRequest, RepeatableRequest } from '../../../src/obtain/api/http.js';
import { checkUser, session } from '../../../src/obtain/api/session.js';
import { failure } from '../../net/expect-error.js';
import { passwordOf } from '../password.js';

const live = new AbortController().signal;
const reply = { status: 200, header: () => undefined, body: undefined };
const settle = (answer: KnownAnswer): Answered => ({ kind: 'answer', answer, reply });
const done = (data: unknown) => settle({ kind: 'done', data, failed: [] });
const refused = (status: number) => settle({ kind: 'refused', status, said: '' });
const CALL = { method: 'GET', path: '/agents' } as const;
const lost = new EnrollError('ANSWER_LOST', 'x');
const BASIC = `Basic ${Buffer.from('enroll:hunter2').toString('base64')}`;

/** A session at an API that answers so, in order. */
function at(kind: ApiKind, answers: readonly Answered[]) {
  const sent: string[] = [];
  const queue = [...answers];
  function ask(request: RepeatableRequest, authorization: Secret | undefined): Promise<Answered>;
  function ask(request: ApiRequest, authorization: Secret | undefined): Promise<Settled>;
  async function ask({ method, path, once }: ApiRequest, authorization: Secret | undefined): Promise<Settled> {
    sent.push(`${method} ${path} ${authorization?.reveal()}`);
    const answer = queue.shift();
    if (answer !== undefined) return answer;
    if (once === undefined) throw lost;
    return { kind: 'unknown', error: lost };
  }
  const talk = session(kind, { user: 'enroll', password: passwordOf('hunter2') }, ask, 'manager:55000');
  return { sent, talk };
}

describe('a session of an API', () => {
  it('shows Basic credentials to 3.x with each call', async () => {
    const { sent, talk } = at('3.x', [done(1), done(2)]);
    await talk.call(CALL, live);
    await talk.call(CALL, live);
    expect(sent).to.deep.equal([`GET /agents ${BASIC}`, `GET /agents ${BASIC}`]);
  });

  it('fetches a token once for 4.x, and once more where it has expired', async () => {
    const { sent, talk } = at('4.x', [
      done({ token: 'a.b' }),
      done(1),
      refused(401),
      refused(405),
      done({ token: 'c.d' }),
      done(2),
    ]);
    await talk.call(CALL, live);
    await talk.call(CALL, live);
    expect(sent).to.deep.equal([
      `POST /security/user/authenticate ${BASIC}`,
      'GET /agents Bearer a.b',
      'GET /agents Bearer a.b',
      `POST /security/user/authenticate ${BASIC}`,
      `GET /security/user/authenticate ${BASIC}`,
      'GET /agents Bearer c.d',
    ]);
    expect(talk.secrets.map((secret) => Buffer.from(secret.reveal()).toString())).to.deep.equal([
      'hunter2',
      BASIC,
      BASIC.slice('Basic '.length),
      'a.b',
      'c.d',
    ]);
  });

  it('gives any other refusal as it is', async () => {
    const settled = await at('4.x', [done({ token: 'a' }), refused(403)]).talk.call(CALL, live);
    expect(settled.answer).to.include({ kind: 'refused', status: 403 });
  });

  const noToken = 'manager:55000 accepted the credentials, but gave no token.';
  const wrong = 'manager:55000 did not accept the credentials of the API user.';
  for (const [what, kind, answers, code, message, hint] of [
    ['3.x, 401', '3.x', [refused(401)], 'API_CREDENTIALS_REFUSED', wrong, undefined],
    ['4.x, 401 by POST', '4.x', [refused(401)], 'API_CREDENTIALS_REFUSED', wrong, undefined],
    ['4.x, 401 by GET', '4.x', [refused(405), refused(401)], 'API_CREDENTIALS_REFUSED', wrong, undefined],
    [
      'another status',
      '4.x',
      [refused(404)],
      'NOT_API',
      "manager:55000 has no login as the manager's API has it (HTTP 404).",
      undefined,
    ],
    [
      '405 by both',
      '4.x',
      [refused(405), refused(405)],
      'NOT_API',
      "manager:55000 has no login as the manager's API has it (HTTP 405).",
      undefined,
    ],
    ['no token', '4.x', [done({})], 'NOT_API', noToken, undefined],
    ['an empty token', '4.x', [done({ token: '' })], 'NOT_API', noToken, undefined],
    ['a token that is no header', '4.x', [done({ token: 'a\r\nb' })], 'NOT_API', noToken, undefined],
    ['a token with a space before it', '4.x', [done({ token: ' a' })], 'NOT_API', noToken, undefined],
    ['a token without end', '4.x', [done({ token: 'a'.repeat(8193) })], 'NOT_API', noToken, undefined],
    [
      'a token that is good for nothing',
      '4.x',
      [done({ token: 'a' }), refused(401), done({ token: 'b' }), refused(401)],
      'NOT_API',
      'manager:55000 does not accept the token that it has just given.',
      "Check the manager's clock, and that --api-url leads to one API server and not to several that do not know each other's tokens.",
    ],
  ] as const) {
    it(`ends in words: ${what}`, async () => {
      const { sent, talk } = at(kind, answers);
      const error = await failure(code, () => talk.call(CALL, live));
      expect([error.message, error.hint]).to.deep.equal([message, hint ?? MEANINGS[code].hint]);
      expect(sent).to.have.length(answers.length);
    });
  }

  it('gives what is unknown as it is', async () => {
    const add = { method: 'POST', path: '/agents', once: 'creates' } as const;
    const settled = await at('4.x', [done({ token: 'a' })]).talk.call(add, live);
    expect(settled).to.deep.equal({ kind: 'unknown', error: lost });
  });

  it('ends as its login does', async () => {
    expect(await failure('ANSWER_LOST', () => at('4.x', []).talk.call(CALL, live))).to.equal(lost);
  });

  it('is for a user whose name can be told from the password', async () => {
    for (const user of ['', 'a:b']) {
      const error = await failure('SETTING_INVALID', () => checkUser(user));
      expect([error.message, error.hint]).to.deep.equal([
        'The name of the API user is empty or contains a colon.',
        'Give the user with --api-user and the password with --api-password-file.',
      ]);
    }
  });
});
