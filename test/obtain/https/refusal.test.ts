import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { ErrorCode } from '../../../src/errors.js';
import type { EnrollCredential } from '../../../src/model/manager-jwt.js';
import { readCacerts } from '../../../src/obtain/https/cacerts.js';
import { type Refused, refused } from '../../../src/obtain/https/refusal.js';
import type { RefusalContext } from '../../../src/obtain/https/refusal-meaning.js';
import { quote } from '../../../src/obtain/quote.js';
import { answerOf, type ExchangeVector, wazuh5 } from '../../wazuh5.js';

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
