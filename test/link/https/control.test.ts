import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type ControlAnswer, controlBody, readControl } from '../../../src/link/https/control.js';
import { answerOf, wazuh5 } from '../../wazuh5.js';
import { ALIVE, NO_ROUTE } from '../../wazuh5-manager.js';

const KINDS: Readonly<Record<string, ControlAnswer['kind']>> = {
  link_proved: 'acknowledged',
  link_proved_quietly: 'acknowledged',
  key_not_loaded_yet: 'unknown agent',
  key_not_accepted: 'invalid signature',
  clock: 'stale',
  fault_in_client: 'not understood',
  key_accepted_manager_not_ready: 'accepted, not ready',
  version_refused: 'version refused',
  manager_not_ready: 'not ready',
};

describe('an answer of /control', () => {
  for (const vector of wazuh5.exchange.filter(({ step }) => step === 'control')) {
    it(`${vector.status} ${vector.body} is ${vector.conclude}`, () => {
      const sent = vector.conclude === 'link_proved_quietly' ? 'probe' : 'startup';
      expect(readControl(sent, answerOf(vector)).kind).to.equal(KINDS[vector.conclude]);
    });
  }

  const answer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}) =>
    answerOf({ status, headers: { Server: 'wazuh-manager-remoted', ...headers }, body });

  it('to a type that is known does not call that unknown', () => {
    const unknown = answer(400, '{"error":"unknown_message_type"}');
    expect(readControl('probe', unknown).kind).to.equal('acknowledged');
    expect(readControl('startup', unknown).kind).to.equal('not understood');
    expect(readControl('shutdown', unknown).kind).to.equal('not understood');
    expect(readControl('probe', answer(409, '{"error":"unknown_message_type"}')).kind).to.equal('refused');
  });

  it('proves nothing that is no answer of a manager', () => {
    expect(readControl('probe', answerOf({ status: 200, headers: {}, body: '<html>' })).kind).to.equal('stranger');
    expect(readControl('probe', answerOf({ status: 400, headers: {}, body: '' })).kind).to.equal('stranger');
    expect(readControl('probe', answer(200, '[]')).kind).to.equal('stranger');
    const { status, headers = {}, body } = NO_ROUTE;
    const nowhere = answerOf({ status, headers, body: JSON.stringify(body) });
    expect(readControl('probe', nowhere)).to.include({ kind: 'stranger', noRoute: true });
    expect(ALIVE.status).to.equal(200);
    // A proxy may put its own name in the place of the manager's.
    const proxied = answerOf({ status: 400, headers: { Server: 'proxy' }, body: '{"error":"other"}' });
    expect(readControl('probe', proxied)).to.deep.equal({ kind: 'refused', said: 'other', which: 'HTTP 400' });
  });

  it('tells what it is, status and word, where nothing else is known of it', () => {
    for (const [given, told] of [
      [answer(403, '{"error":"forbidden"}'), { kind: 'refused', said: 'forbidden', which: 'HTTP 403' }],
      [answer(409, '{"error":"other"}'), { kind: 'refused', said: 'other', which: 'HTTP 409' }],
      [answer(401, '{"error":"no","code":"other"}'), { kind: 'refused', said: 'no', which: 'HTTP 401, other' }],
      [answer(500, '{"error":"database_error"}'), { kind: 'accepted, not ready', missing: 'its database' }],
      [answer(500, '{"error":"other"}'), { kind: 'not ready', which: 'HTTP 500' }],
      [answer(502, '{"error":"database_error"}'), { kind: 'not ready', which: 'HTTP 502' }],
      [answer(503, '{"error":"dependency_unavailable"}'), { kind: 'accepted, not ready', missing: 'a part of it' }],
      [answer(502, '{"error":"dependency_unavailable"}'), { kind: 'not ready', which: 'HTTP 502' }],
      [answer(429, '{}'), { kind: 'not ready', which: 'HTTP 429' }],
      [answer(403, '{}'), { kind: 'stranger', noRoute: false, which: 'HTTP 403' }],
      [answer(302, '{"error":"moved"}'), { kind: 'stranger', noRoute: false, which: 'HTTP 302' }],
    ] as const) {
      expect(readControl('startup', given)).to.deep.equal(told);
    }
  });

  it('tells for how long to leave the manager alone', () => {
    const limited = answer(429, '{"error":"rate_limited"}', { 'Retry-After': '2' });
    expect(readControl('probe', limited)).to.include({ kind: 'not ready', afterMs: 2000 });
  });

  it('of a manager that signs with AES-CMAC is known', () => {
    const old = answer(401, '{"error":"Invalid client authentication","code":401}');
    expect(readControl('probe', old).kind).to.equal('pre-release');
  });
});

describe('what is said to /control', () => {
  it('is the version that every manager takes, and never a notify', () => {
    expect(controlBody('startup')).to.deep.equal({ type: 'startup', version: 'v5.0.0' });
    expect(controlBody('shutdown')).to.deep.equal({ type: 'shutdown' });
    expect(controlBody('probe')).to.deep.equal({ type: 'agent-enroll-probe' });
  });
});
