import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { Answered } from '../../../src/obtain/api/converse.js';
import { dialect4 } from '../../../src/obtain/api/dialect.js';
import { assignGroups, checkGroups } from '../../../src/obtain/api/groups.js';
import type { AgentKey, Completion } from '../../../src/obtain/key-source.js';
import { failure } from '../../net/expect-error.js';
import { type ApiServer, managerApi, type Step, success } from './api-server.js';
import { asking, obtainPlainly as obtain } from './setting.js';

const live = new AbortController().signal;
const nothing = success({ affected_items: [], failed_items: [] });

describe('what an API is still to be asked once the key is on the disk', () => {
  let server: ApiServer | undefined;
  const serve = async (...[version, routes]: Parameters<typeof managerApi>) => {
    server = await managerApi(
      version,
      { 'POST /agents': 'add-success', 'GET /groups': nothing, ...routes },
      { plain: true },
    );
    return server;
  };
  const puts = () => server?.calls.filter((call) => call.startsWith('PUT'));
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  const complete = (key: AgentKey, signal = live): Promise<Completion> => {
    if (key.complete === undefined) throw new Error('Nothing is to be asked.');
    return key.complete(signal);
  };

  it('is nothing without groups', async () => {
    const { url, idle } = await serve('4.14.7', {});
    const key = await obtain(url, asking('web01'));
    expect(key).to.not.have.property('complete');
    await idle();
  });

  it('leaves the key out before a group call that hangs, and keeps no connection until then', async () => {
    const { url, idle } = await serve('4.14.7', { 'PUT /agents/001/group/web': () => {} });
    const key = await obtain(url, asking('web01', undefined, ['web', 'db']), { timeoutMs: 300 });
    expect(key.record.id).to.equal('001');
    expect(key.groups).to.deep.equal([]);
    expect(puts()).to.deep.equal([]);
    await idle();

    const { groups, warnings } = await complete(key);
    expect(groups).to.deep.equal([]);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include('The groups web, db were not assigned').and.include('did not answer within 0.3 s');
    expect(puts()).to.have.length(1);
    await idle();
  });

  it('is asked with the token that is there, over a connection that ends with it', async () => {
    const { url, calls, idle } = await serve('4.14.7', {
      'PUT /agents/001/group/web': nothing,
      'PUT /agents/001/group/db': nothing,
    });
    const key = await obtain(url, asking('web01', undefined, ['web', 'db']));
    const before = calls.length;
    expect(await complete(key)).to.deep.equal({ groups: ['web', 'db'], warnings: [] });
    expect(calls.slice(before)).to.deep.equal(['PUT /agents/001/group/web', 'PUT /agents/001/group/db']);
    await idle();
  });

  it('asks for a new token where that one has expired since', async () => {
    const { url } = await serve('4.14.7', { 'PUT /agents/001/group/web': ['token-expired', nothing] });
    const key = await obtain(url, asking('web01', undefined, ['web']));
    expect((await complete(key)).groups).to.deep.equal(['web']);
  });

  const stopped = new EnrollError('TERMINATED', 'Terminated (SIGTERM).');
  for (const [when, first] of [
    ['before it is asked', undefined],
    ['while the first group hangs', 'web'],
    ['between two groups', 'db'],
  ] as const) {
    it(`ends with a warning where the run is to stop ${when}`, async () => {
      const stop = new AbortController();
      const hang: Step = () => stop.abort(stopped);
      const { url, idle } = await serve('4.14.7', {
        'PUT /agents/001/group/web': first === 'web' ? hang : nothing,
        'PUT /agents/001/group/db': hang,
      });
      const key = await obtain(url, asking('web01', undefined, ['web', 'db']));
      if (first === undefined) stop.abort(stopped);
      const { groups, warnings } = await complete(key, stop.signal);
      expect(groups).to.deep.equal(first === 'db' ? ['web'] : []);
      expect(warnings).to.have.length(1);
      const which = first === 'db' ? 'The group db was' : 'The groups web, db were';
      expect(warnings[0]).to.include(`${which} not assigned: Terminated`).and.include('The key is good without');
      await idle();
    });
  }

  it('is a warning where the API is gone by then', async () => {
    const { url, close } = await serve('4.14.7', {});
    const key = await obtain(url, asking('web01', undefined, ['web']));
    await close();
    server = undefined;
    expect((await complete(key)).warnings.join()).to.include('The group web was not assigned');
  });

  for (const [what, step] of [
    ['breaks off', (_seen: unknown, response: ServerResponse) => response.socket?.destroy()],
    ['is no API any more', { status: 200, body: '<html>' }],
    ['takes the credentials no more', { status: 401, body: {} }],
  ] satisfies [string, Step][]) {
    it(`is a warning where the API ${what}`, async () => {
      const { url } = await serve('3.13.6-authd', {
        'POST /agents': 'add-success',
        'GET /agents/groups': { status: 200, body: { error: 0, data: { items: [], totalItems: 5 } } },
        'PUT /agents/002/group/web': step,
      });
      const key = await obtain(url, asking('web02', undefined, ['web']));
      const { groups, warnings } = await complete(key);
      expect(groups).to.deep.equal([]);
      expect(warnings.join()).to.include('The group web was not assigned');
    });
  }
});

describe('what is told of groups', () => {
  const reply = { status: 200, header: () => undefined, body: undefined };
  const refused = (code: number, said = 'no') =>
    ({ kind: 'answer', reply, answer: { kind: 'refused', status: 400, code, said } }) as const;
  const failed = (code: number) =>
    ({
      kind: 'answer',
      reply,
      answer: { kind: 'done', data: {}, failed: [{ code, said: 'no', ids: ['b', 'c'] }] },
    }) as const;
  const done = { kind: 'answer', reply, answer: { kind: 'done', data: {}, failed: [] } } as const;
  const lost = new EnrollError('CONNECTION_FAILED', 'Lost.');

  const asking = (answers: readonly (Answered | EnrollError)[], patience = 0) => {
    const queue = [...answers];
    let waited = 0;
    return {
      dialect: dialect4({ major: 4, minor: 14, text: '4.14.7' }),
      session: {
        secrets: [],
        call: async () => {
          const answer = queue.shift() ?? lost;
          if (answer instanceof EnrollError) throw answer;
          return answer;
        },
      },
      patience: { wait: async () => waited++ < patience },
      quote: (said: string) => `<${said}>`,
    };
  };
  const notAssigned = (which: string, why: string, first: string) =>
    `The ${which} not assigned: ${why}. The key is good without; assign on the manager: agent_groups -a -i 001 -g ${first}.`;

  for (const [what, answers, groups, warnings] of [
    ['all of them', [done, refused(1751), failed(1751)], ['a', 'b', 'c'], []],
    [
      'one that is none',
      [done, refused(1710), done],
      ['a', 'c'],
      [notAssigned('group b was', 'the manager does not have this group (error 1710)', 'b')],
    ],
    [
      'one that may not be',
      [done, failed(4000), done],
      ['a', 'c'],
      [
        notAssigned(
          'group b was',
          'the API user may not do that (error 4000): it takes agent:modify_group on agents, group:read and group:modify_assignments on groups',
          'b',
        ),
      ],
    ],
    [
      'one for a reason that nobody has seen',
      [done, refused(7), done],
      ['a', 'c'],
      [notAssigned('group b was', 'the manager said "<no>" (error 7)', 'b')],
    ],
    [
      'one for a reason without a number',
      [done, { kind: 'answer', reply, answer: { kind: 'refused', status: 400, said: 'no' } }, done],
      ['a', 'c'],
      [notAssigned('group b was', 'the manager said "<no>" (error without a number)', 'b')],
    ],
    [
      'none until the agent has connected',
      [done, refused(1753), done],
      ['a'],
      [
        notAssigned(
          'groups b, c were',
          'a manager of 4.0 to 4.3 assigns groups only once the agent has connected (error 1753)',
          'b',
        ),
      ],
    ],
    ['the last ones, lost', [done, lost, done], ['a'], [notAssigned('groups b, c were', 'Lost', 'b')]],
  ] as const) {
    it(`that were asked for: ${what}`, async () => {
      expect(await assignGroups('001', ['a', 'b', 'c'], asking(answers), live)).to.deep.equal({ groups, warnings });
    });
  }

  it('of an agent that the manager does not know yet is not told before its patience ends', async () => {
    expect(await assignGroups('001', ['a'], asking([refused(1701), failed(1701), done], 2), live)).to.deep.equal({
      groups: ['a'],
      warnings: [],
    });
    const { warnings } = await assignGroups('001', ['a'], asking([refused(1701), done]), live);
    expect(warnings).to.deep.equal([notAssigned('group a was', 'the manager said "<no>" (error 1701)', 'a')]);
  });

  it('that are none is told before there is an agent', async () => {
    for (const [names, which] of [
      [['a', 'b'], 'no group called b'],
      [['b', 'c'], 'no groups called b, c'],
    ] as const) {
      const error = await failure('GROUP_UNKNOWN', () => checkGroups(names, asking([failed(1710)]), live));
      expect(error.message).to.equal(`The manager has ${which}. No agent was created.`);
    }
    await checkGroups(['a'], asking([failed(1710)]), live);
    await failure('CONNECTION_FAILED', () => checkGroups(['b'], asking([lost]), live));
    await checkGroups([], asking([failed(1710)]), live);
  });
});
