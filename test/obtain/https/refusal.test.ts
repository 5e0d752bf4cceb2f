import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { ErrorCode } from '../../../src/errors.js';
import type { EnrollCredential } from '../../../src/model/manager-jwt.js';
import { readCacerts } from '../../../src/obtain/https/cacerts.js';
import { type Refused, refused } from '../../../src/obtain/https/refusal.js';
import type { RefusalContext } from '../../../src/obtain/https/refusal-meaning.js';
import { quote } from '../../../src/obtain/quote.js';
import { answerOf, type ExchangeVector, wazuh5 } from '../../wazuh5.js';
import { REMOTED, refusalBody, type Told, told } from './refusal-words.js';

const KINDS: Readonly<Record<string, EnrollCredential['kind']>> = {
  password: 'password',
  token: 'token',
  reenroll: 'reenroll',
};

function contextOf(sent: string): RefusalContext {
  const credential = KINDS[sent];
  return {
    name: 'web-01',
    ip: 'any',
    where: 'manager:1517',
    path: '/wazuh-manager/enroll',
    quote: (said) => quote(said, []),
    ...(credential === undefined ? {} : { credential }),
  };
}

/** The codes of what is concluded. */
const CODES: Readonly<Record<string, readonly ErrorCode[]>> = {
  credential_required: ['PASSWORD_REFUSED'],
  credential_refused: ['PASSWORD_REFUSED', 'TOKEN_REFUSED'],
  token_not_known_here: ['TOKEN_REFUSED'],
  clock: ['CLOCK_REFUSED'],
  token_dead: ['TOKEN_REFUSED'],
  secret_dead: ['REENROLL_SECRET_REFUSED'],
  manager_not_ready: ['MANAGER_NOT_READY'],
  unknown_refusal: ['REQUEST_REFUSED'],
  enrollment_disabled: ['REQUEST_REFUSED'],
  duplicate: ['NAME_DUPLICATE', 'IP_DUPLICATE'],
  busy: ['MANAGER_NOT_READY'],
  input_refused: ['NAME_REFUSED', 'GROUP_UNKNOWN', 'VERSION_REFUSED'],
  fault_in_client: ['INTERNAL'],
  resend_plain: ['REQUEST_REFUSED'],
  rate_limited: ['MANAGER_NOT_READY'],
  agent_limit: ['AGENT_LIMIT'],
  outcome_unknown: ['ANSWER_LOST'],
  manager_fault: ['MANAGER_NOT_READY'],
  wrong_prefix_or_older: ['NOT_MANAGER'],
  not_a_manager: ['NOT_MANAGER'],
};

/** When the request is made again, in the words of the known answers. */
function retryOf({ error, again: { clock, once, wait } }: Refused): string {
  if (clock && wait !== undefined) return 'once with the corrected clock, then for 60 s';
  if (clock) return 'once, after correcting the clock';
  if (once) return 'once';
  if (wait?.atLeastMs !== undefined) return 'yes, after Retry-After';
  if (wait?.forMs === 60_000) return 'for 60 s';
  if (wait?.forMs !== undefined) return 'short';
  if (wait !== undefined) return 'yes';
  return error.retryable ? 'slow' : 'no';
}

const nameOf = ({ status, credential_sent: sent, body }: ExchangeVector) => `${status} ${body} after ${sent}`;

describe('an answer to a request for a key', () => {
  for (const vector of wazuh5.exchange.filter(({ step }) => step === 'enroll')) {
    it(`${nameOf(vector)} is ${vector.conclude}`, () => {
      const outcome = refused(answerOf(vector), contextOf(vector.credential_sent));
      expect(outcome.error.code).to.be.oneOf([...(CODES[vector.conclude] ?? [])]);
      expect(outcome.error.exitCode).to.equal(vector.exit);
      expect(retryOf(outcome)).to.equal(vector.retry === 'bounded' ? 'yes' : vector.retry);
      expect(outcome.error.hint).to.not.equal('');
    });
  }

  it("shows the manager's own text, printable and without keys", () => {
    const body = JSON.stringify({ error: { code: 9999, message: `odd\u001b[31m ${'ab'.repeat(32)}` } });
    const { error } = refused(
      answerOf({ status: 400, headers: { Server: 'wazuh-manager-remoted' }, body }),
      contextOf('token'),
    );
    expect(error.code).to.equal('REQUEST_REFUSED');
    expect(error.managerSaid).to.equal('odd?[31m [key]');
    expect(error.message).to.include('odd?[31m [key]').and.to.include('9999');
  });

  it('keeps a re-enrollment secret whose signature was not accepted', () => {
    const body = JSON.stringify({ error: { code: 'invalid_signature', message: 'Invalid client authentication' } });
    const { error } = refused(answerOf({ status: 401, headers: {}, body }), contextOf('reenroll'));
    expect(error.code).to.equal('REQUEST_REFUSED');
  });

  it('is our fault where a signed request is called unsigned', () => {
    const body = JSON.stringify({ error: { code: 'invalid_request', message: 'Invalid client authentication' } });
    expect(refused(answerOf({ status: 401, headers: {}, body }), contextOf('token')).error.exitCode).to.equal(1);
  });

  it('of a gateway that lost it is lost', () => {
    const page = { status: 504, headers: { Server: 'nginx', 'Content-Type': 'text/html' }, body: '<html>' };
    expect(refused(answerOf(page), contextOf('token')).error.exitCode).to.equal(8);
  });

  it('of a manager that signs with AES-CMAC is told so', () => {
    const body = JSON.stringify({ error: 'Invalid client authentication', code: 401 });
    const { error } = refused(answerOf({ status: 401, headers: {}, body }), contextOf('password'));
    expect(error.code).to.equal('MANAGER_UNSUPPORTED');
    expect(error.message).to.include('AES-CMAC');
  });
});

const NOT_REMOTED = 'What answers at manager:1517 is not the remoted of a Wazuh 5';
const NO_PATH = 'manager:1517 has nothing at /wazuh-manager/enroll: it has another prefix, or it is older than Wazuh 5';
const LOST = 'Something before the manager lost its answer to the request';
const LATER = { again: { wait: {} } };

const BY_STATUS: readonly (readonly [what: string, answer: Parameters<typeof told>[0], wanted: Told])[] = [
  [
    'too large',
    { status: 413, body: '' },
    {
      code: 'REQUEST_REFUSED',
      message: 'The manager did not take the request: it is too large (HTTP 413).',
      hint: 'Name fewer groups, and assign the others on the manager afterwards.',
    },
  ],
  [
    'an encoding that was not sent',
    { status: 415, body: '' },
    {
      code: 'REQUEST_REFUSED',
      message: 'The manager did not take the encoding of the request (HTTP 415).',
      hint: 'Nothing was compressed here: something between this host and the manager may change what is sent.',
      again: { once: true },
    },
  ],
  [
    'too many requests',
    { status: 429, body: '' },
    {
      code: 'MANAGER_NOT_READY',
      message: 'The manager takes no more requests for keys at the moment (HTTP 429).',
      hint: 'All hosts share its limit. Try again in a minute, or spread the hosts with --splay.',
      ...LATER,
    },
  ],
  ['lost by a gateway', { status: 502, body: '' }, { code: 'ANSWER_LOST', message: `${LOST} (HTTP 502).` }],
  ['late for a gateway', { status: 504, body: '' }, { code: 'ANSWER_LOST', message: `${LOST} (HTTP 504).` }],
  ['no such path', { status: 404, body: '', headers: {} }, { code: 'NOT_MANAGER', message: `${NO_PATH} (HTTP 404).` }],
  [
    'a fault without a word',
    { status: 500, body: '', headers: {} },
    { code: 'MANAGER_NOT_READY', message: 'The manager could not work on the request (HTTP 500).', ...LATER },
  ],
  [
    'a fault of a manager that wants to be left alone',
    { status: 500, body: '', headers: { ...REMOTED, 'retry-after': '90' } },
    {
      code: 'MANAGER_NOT_READY',
      message: 'The manager could not work on the request (HTTP 500).',
      again: { wait: { atLeastMs: 90_000 } },
    },
  ],
  [
    'a wait for what is not made again',
    { status: 413, body: refusalBody(0, 'x'), headers: { ...REMOTED, 'retry-after': '90' } },
    {
      code: 'REQUEST_REFUSED',
      message: 'The manager did not take the request: it is too large. It said: "x" (HTTP 413, 0).',
      hint: 'Name fewer groups, and assign the others on the manager afterwards.',
    },
  ],
  [
    'done, without a key',
    { status: 204, body: '' },
    { code: 'REPLY_INVALID', message: 'The manager did something, and gave no key (HTTP 204).' },
  ],
  [
    'done, by somebody else',
    { status: 204, body: '', headers: {} },
    { code: 'NOT_MANAGER', message: `${NOT_REMOTED} (HTTP 204).` },
  ],
  [
    'a 300, which no remoted gives',
    { status: 300, body: '' },
    { code: 'NOT_MANAGER', message: `${NOT_REMOTED} (HTTP 300).` },
  ],
  [
    'a refusal without a word by somebody else',
    { status: 400, body: '', headers: {} },
    { code: 'NOT_MANAGER', message: `${NOT_REMOTED} (HTTP 400).` },
  ],
  [
    'a refusal without a word by a remoted',
    { status: 400, body: '' },
    { code: 'REQUEST_REFUSED', message: 'The manager refused the request (HTTP 400).' },
  ],
  [
    'a refusal in words through a proxy that hides the Server',
    { status: 400, body: '{"error":"odd"}', headers: {} },
    { code: 'REQUEST_REFUSED', message: 'The manager refused the request. It said: "odd" (HTTP 400).' },
  ],
  [
    'a 401 with a number that no generation is known by',
    { status: 401, body: refusalBody(7, 'odd') },
    {
      code: 'REQUEST_REFUSED',
      message:
        'The manager did not accept what the request was signed with, for a reason that this program does not know. It said: "odd" (HTTP 401, 7).',
      ...LATER,
    },
  ],
];

describe('an answer without a word that is known', () => {
  for (const [what, answer, wanted] of BY_STATUS) {
    it(`is told by its status: ${what}`, () => expect(told(answer)).to.deep.equal(wanted));
  }

  it('keeps the dots of an address', () => {
    const context = { ...contextOf('token'), where: '10.1.2.3:1517' };
    const { message } = refused(answerOf({ status: 404, headers: {}, body: '' }), context).error;
    expect(message).to.match(/^10\.1\.2\.3:1517 has nothing at .*Wazuh 5 \(HTTP 404\)\.$/);
  });

  it('has nothing to quote where the manager said nothing', () => {
    const answer = answerOf({ status: 500, headers: REMOTED, body: '' });
    expect(refused(answer, contextOf('token')).error).to.include({ managerSaid: undefined });
  });
});

const CA_CODES: Readonly<Record<string, ErrorCode>> = {
  no_ca: 'CERTIFICATE_UNTRUSTED',
  wrong_prefix_or_older: 'NOT_MANAGER',
  manager_misprovisioned: 'CERTIFICATE_UNTRUSTED',
  rate_limited: 'MANAGER_NOT_READY',
};

describe('an answer to the question for the CA', () => {
  for (const vector of wazuh5.exchange.filter(({ step }) => step === 'cacerts')) {
    it(`${nameOf(vector)} is ${vector.conclude}`, () => {
      const found = readCacerts(answerOf(vector), Buffer.from(vector.body), '00'.repeat(32), 'manager:1517');
      expect(found.kind).to.equal('missing');
      if (found.kind !== 'missing') return;
      expect(found.error.code).to.equal(CA_CODES[vector.conclude]);
      expect(found.error.exitCode).to.equal(vector.exit);
      expect(found.wait !== undefined).to.equal(vector.retry !== 'no');
      if (vector.retry.includes('Retry-After')) expect(found.wait).to.deep.equal({ atLeastMs: 1000 });
    });
  }
});
