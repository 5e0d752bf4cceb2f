import { expect } from 'chai';
import { describe, it } from 'mocha';
import { begin } from '../../../src/obtain/api/begin.js';
import type { ApiRequest, Reply } from '../../../src/obtain/api/http.js';
import { failure } from '../../net/expect-error.js';
import { options } from './setting.js';

const live = new AbortController().signal;
const endpoint = { host: 'manager', port: 55_000 };
const address = { origin: 'http://manager:55000', endpoint, secure: false, prefix: '' };
const problem = (status: number, body: unknown = {}): Reply => ({
  status,
  header: (name) => (name === 'content-type' ? 'application/problem+json' : undefined),
  body,
});
const says = (version: unknown): Reply => problem(200, { error: 0, data: { api_version: version, token: 'a.b' } });
const open3 = says('v3.13.6');

/** Begins a session at an API that answers so, in order. */
function beginning(replies: readonly Reply[], changes: Parameters<typeof options>[1] = {}) {
  const calls: string[] = [];
  const queue = [...replies];
  const http = {
    verdict: undefined,
    request: async ({ method, path }: ApiRequest) => {
      calls.push(`${method} ${path}`);
      return { kind: 'reply', reply: queue.shift() ?? problem(429) } as const;
    },
    close: async () => {},
  };
  const setting = options('http://manager:55000', changes);
  return { calls, waits: setting.waits, begun: () => begin(address, http, setting, live) };
}

describe('a session begins', () => {
  it('at 4.x by a login, and at 3.x without one', async () => {
    const later = beginning([problem(401), says('4.14.7'), says('4.14.7')]);
    const { info, where, quote } = await later.begun();
    expect([info.text, where, quote('x')]).to.deep.equal(['4.14.7', 'manager:55000', 'x']);
    expect(later.calls).to.deep.equal(['GET /', 'POST /security/user/authenticate', 'GET /']);
    const early = beginning([open3, open3]);
    expect((await early.begun()).info.text).to.equal('3.13.6');
    expect(early.calls).to.deep.equal(['GET /', 'GET /']);
  });

  for (const [what, replies] of [
    ['no version', [problem(401), says('4.14.7'), says(undefined)]],
    ['a refusal for its version', [problem(401), says('4.14.7'), problem(403, { title: 'x' })]],
    ['3.x, after the login of 4.x', [problem(401), says('4.14.7'), open3]],
    ['4.x, after the words of 3.x', [open3, says('4.14.7')]],
  ] as const) {
    it(`not at one that says ${what}`, async () => {
      const error = await failure('NOT_API', beginning(replies).begun);
      expect(error.message).to.equal("manager:55000 does not say which version of the manager's API it is.");
    });
  }

  it('not at one that is another', async () => {
    const other = problem(403, { title: 'x' });
    const error = await failure('NOT_API', beginning([other]).begun);
    expect(error.message).to.equal("What answers at manager:55000 is not a manager's API (HTTP 403).");
  });

  it('with as much patience as was given', async () => {
    const sum = (waits: readonly number[]) => waits.reduce((all, ms) => all + ms, 0);
    const patient = beginning([], { patienceMs: 60_000 });
    await failure('API_RATE_LIMITED', patient.begun);
    expect(sum(patient.waits)).to.be.above(30_000);
  });
});
