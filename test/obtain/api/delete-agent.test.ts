import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { ErrorCode } from '../../../src/errors.js';
import type { AgentRecord } from '../../../src/model/agent-record.js';
import type { ApiAccess } from '../../../src/obtain/api/begin.js';
import { agentDeleter } from '../../../src/obtain/api/delete-agent.js';
import { failure, line, record } from '../../keystore/scratch.js';
import {
  type Answer,
  type ApiServer,
  failedItem,
  managerApi,
  problem,
  recorded,
  type Step,
  success,
  type Version,
} from './api-server.js';
import { options, PASSWORD } from './setting.js';

const V3 = '3.13.6-authd';
const V4 = '4.14.7';
const MINE = record('001', 'web-01', 'any', 'a'.repeat(64));
const OTHERS = record('001', 'db-01', 'any', 'b'.repeat(64));

const KEY = 'GET /agents/001/key';
const DELETE4 = 'DELETE /agents';
const DELETE3 = 'DELETE /agents/001';
/** What is sent to 4.3 and later. */
const QUERY = 'DELETE /agents?agents_list=001&status=all&older_than=0s&purge=true';

const base64 = (of: AgentRecord) => Buffer.from(line(of).trimEnd()).toString('base64');
const keyOf = (of: AgentRecord) => success({ affected_items: [{ id: of.id, key: base64(of) }], failed_items: [] });
const keyOf3 = (of: AgentRecord): Answer => success(base64(of));
const deleted = success({ affected_items: ['001'], failed_items: [] });
const noAgent = failedItem(1701, 'Agent does not exist');
const noAgent3: Answer = { status: 200, body: { error: 1701, message: 'Agent does not exist' } };
const nobody = success({ affected_items: [], failed_items: [] });
/** 3.x: a failure in a success. */
const failed3 = (code: number, message: string): Answer =>
  success({
    msg: 'Some agents were not removed',
    affected_agents: [],
    failed_ids: [{ id: '001', error: { code, message } }],
  });

const cut: Step = (_seen, response) => response.socket?.destroy();
const torn: Step = (_seen, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('{"data":', () => response.socket?.destroy());
};

describe('deleting an agent by the REST API', () => {
  let server: ApiServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  const serve = async (routes: Parameters<typeof managerApi>[1], version: Version = V4) => {
    server = await managerApi(version, { 'GET /agents': nobody, ...routes }, { plain: true });
    return server;
  };
  const deleter = (changes: Partial<ApiAccess> = {}) =>
    agentDeleter({ ...options(server?.url ?? '', { trust: { insecure: true } }), ...changes });
  const remove = (of: AgentRecord = MINE, changes: Partial<ApiAccess> = {}) =>
    deleter(changes).remove(of, new AbortController().signal);
  const deletions = () => server?.calls.filter((call) => call.startsWith('DELETE'));

  describe('of a manager that has it with this very key', () => {
    it('asks for it in the words of 4.3 and later', async () => {
      await serve({ [KEY]: keyOf(MINE), [DELETE4]: deleted });
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
      expect(deletions()).to.deep.equal([QUERY]);
    });
    it('asks a 4.0 in its words, which knows no status of all', async () => {
      const info = success({ api_version: '4.0.4', timestamp: '2026-11-22T05:23:31Z' });
      await serve({ 'GET /': info, [KEY]: keyOf(MINE), [DELETE4]: deleted });
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
      expect(deletions()).to.deep.equal([
        'DELETE /agents?agents_list=001&status=active,pending,never_connected,disconnected&older_than=0s&purge=true',
      ]);
    });
    it('asks a 5.0 as it asks 4.x', async () => {
      const info = success({ api_version: '5.0.0-beta4', timestamp: '2026-11-22T05:23:31Z' });
      await serve({ 'GET /': info, [KEY]: keyOf(MINE), [DELETE4]: deleted });
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
      expect(deletions()).to.deep.equal([QUERY]);
    });
    it('asks a 3.x in its words, whose recorded answer says so', async () => {
      await serve({ [KEY]: keyOf3(MINE), [DELETE3]: recorded(V3, 'delete') }, V3);
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
      expect(deletions()).to.deep.equal(['DELETE /agents/001?purge']);
    });
    it('takes an address in another writing, and an id without zeros, for the same', async () => {
      await serve({ [KEY]: keyOf({ ...MINE, ip: '0000:0000::0001' }), [DELETE4]: deleted });
      expect(await remove({ ...MINE, id: '1', ip: '::1' })).to.deep.equal({ kind: 'deleted' });
    });
    it('takes it for deleted where somebody else was faster', async () => {
      await serve({ [KEY]: keyOf(MINE), [DELETE4]: noAgent });
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
      await server?.close();
      await serve({ [KEY]: keyOf3(MINE), [DELETE3]: failed3(1701, 'Agent does not exist') }, V3);
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
    });
    it('asks again where the agent was registered in this very second', async () => {
      const early = failedItem(1731, 'Agent is not eligible for the action to be performed');
      await serve({ [KEY]: keyOf(MINE), [DELETE4]: [early, deleted] });
      expect(await remove()).to.deep.equal({ kind: 'deleted' });
      expect(deletions()).to.have.length(2);
    });
  });

  describe('never deletes', () => {
    for (const [what, other] of [
      ['the agent of another name', OTHERS],
      ['an agent of this name with another key', { ...MINE, key: OTHERS.key }],
      ['an agent with this key and another name', { ...MINE, name: 'db-01' }],
    ] satisfies [string, AgentRecord][]) {
      it(`${what}, to which the id went`, async () => {
        await serve({ [KEY]: keyOf(other), [DELETE4]: deleted });
        expect(await remove()).to.deep.equal({ kind: 'another', name: other.name });
        expect(deletions()).to.deep.equal([]);
      });
    }
    it('an agent whose id is another in the record of its key', async () => {
      await serve({ [KEY]: keyOf({ ...MINE, id: '002' }), [DELETE4]: deleted });
      expect(await remove()).to.deep.equal({ kind: 'another', name: 'web-01' });
      expect(deletions()).to.deep.equal([]);
    });
    for (const [how, items] of [
      ['but something else', [{ id: '001', key: 'bm90aGluZw==' }]],
      ['and nothing else', []],
    ] as const) {
      it(`an agent that the API shows no key of, ${how}`, async () => {
        const { port } = await serve({ [KEY]: success({ affected_items: items, failed_items: [] }) });
        const { code, message, hint } = await failure(remove());
        expect({ code, message, hint }).to.deep.equal({
          code: 'NOT_API',
          message: `127.0.0.1:${port} gave no key for agent 001, by which it could be told.`,
          hint: "Look into the manager's api.log. Nothing was deleted.",
        });
        expect(deletions()).to.deep.equal([]);
      });
    }
    it('one that is not there', async () => {
      await serve({ [KEY]: noAgent });
      expect(await remove()).to.deep.equal({ kind: 'gone' });
      await server?.close();
      await serve({ [KEY]: noAgent3, 'GET /agents/name/web-01': noAgent3 }, V3);
      expect(await remove()).to.deep.equal({ kind: 'gone' });
      expect(deletions()).to.deep.equal([]);
    });
  });

  describe('that was just added, and whose key the manager writes with a delay,', () => {
    const listed = (id: string) => success({ affected_items: [{ id, name: 'web-01' }], failed_items: [] });
    const looks = () => server?.calls.filter((call) => call === KEY).length;

    it('waits for the key', async () => {
      const routes = { [KEY]: [noAgent, noAgent, keyOf(MINE)], 'GET /agents': listed('001'), [DELETE4]: deleted };
      await serve(routes);
      expect(await remove({ ...MINE, id: '1' })).to.deep.equal({ kind: 'deleted' });
    });
    it('waits no longer than it has patience', async () => {
      await serve({ [KEY]: noAgent, 'GET /agents': listed('001') });
      expect(await remove(MINE, { patienceMs: 400 })).to.deep.equal({ kind: 'gone' });
      expect(looks()).to.equal(2);
    });
    for (const [what, answer] of [
      ['has another id', listed('002')],
      ['is not listed', nobody],
      ['may not be listed', problem(403, 'Denied', 4000)],
    ] as const) {
      it(`waits for none that ${what}`, async () => {
        await serve({ [KEY]: [noAgent, keyOf(MINE)], 'GET /agents': answer });
        expect(await remove()).to.deep.equal({ kind: 'gone' });
        expect(looks()).to.equal(1);
      });
    }
  });

  it('leaves no connection open', async () => {
    const { idle } = await serve({ [KEY]: noAgent });
    await remove();
    await idle();
  });

  describe('whose answer was lost', () => {
    for (const [how, step] of [
      ['the connection is cut', cut],
      ['the answer breaks off', torn],
      ['the API fails (1000)', problem(500, 'Wazuh Internal Error', 1000)],
      ['a proxy gives up', { status: 504, headers: {}, body: '<html>' }],
    ] satisfies [string, Step][]) {
      it(`looks before it asks again, and finds it deleted: ${how}`, async () => {
        await serve({ [KEY]: [keyOf(MINE), noAgent], [DELETE4]: step });
        expect(await remove()).to.deep.equal({ kind: 'deleted' });
        expect(deletions()).to.have.length(1);
      });
      it(`looks before it asks again, and finds it there: ${how}`, async () => {
        await serve({ [KEY]: keyOf(MINE), [DELETE4]: [step, deleted] });
        expect(await remove()).to.deep.equal({ kind: 'deleted' });
        expect(deletions()).to.have.length(2);
      });
      it(`leaves the agent alone that got the id meanwhile: ${how}`, async () => {
        await serve({ [KEY]: [keyOf(MINE), keyOf(OTHERS)], [DELETE4]: step });
        expect(await remove()).to.deep.equal({ kind: 'deleted' });
        expect(deletions()).to.have.length(1);
      });
    }
    it('says so where it stays like this, and remembers it for the next call', async () => {
      await serve({ [KEY]: [keyOf(MINE), keyOf(MINE), noAgent], [DELETE4]: cut });
      const one = deleter({ patienceMs: 400, random: () => 0.5 });
      const error = await failure(one.remove(MINE, new AbortController().signal));
      expect(error.code).to.equal('ANSWER_LOST');
      expect(error.exitCode).to.equal(8);
      expect(error.message).to.include('request to delete the agent had been sent');
      expect(error.hint).to.include('again');
      expect(one.isOpen).to.equal(true);
      expect(await one.remove(MINE, new AbortController().signal)).to.deep.equal({ kind: 'deleted' });
      expect(one.isOpen).to.equal(false);
    });
    it('has nothing open where the API was cut before anything was asked', async () => {
      await serve({ [KEY]: cut });
      const one = deleter();
      expect((await failure(one.remove(MINE, new AbortController().signal))).retryable).to.equal(true);
      expect(one.isOpen).to.equal(false);
      expect(deletions()).to.deep.equal([]);
    });
  });

  describe('says why it was not done', () => {
    const MAY_NOT =
      'Give this API user a role with the actions agent:read and agent:delete on the agents that it may take out (agent:id:*, or agent:group:NAME).';
    const LOGS = 'Look into api.log and ossec.log on the manager for the reason.';
    const BY_HAND =
      'Delete agent 001 web-01 on the manager by hand, and set the key aside on this host alone: --yes without API credentials.';
    const START = 'Start authd on the manager, and run the command again.';
    const there = { [KEY]: keyOf(MINE) };
    const there3 = { [KEY]: keyOf3(MINE) };

    type Case = readonly [
      why: string,
      routes: Parameters<typeof managerApi>[1],
      code: ErrorCode,
      message: string,
      hint: string,
      managerSaid?: string | undefined,
      version?: Version,
    ];
    const cases: readonly Case[] = [
      [
        'agents may not be read',
        { [KEY]: problem(403, 'Denied', 4000) },
        'API_PERMISSION_DENIED',
        'The API user may not see or delete agent 001 web-01. It said: "Denied" (error 4000).',
        MAY_NOT,
        'Denied',
      ],
      [
        'this agent may not be read',
        { [KEY]: failedItem(4000, '') },
        'API_PERMISSION_DENIED',
        'The API user may not see or delete agent 001 web-01 (error 4000).',
        MAY_NOT,
      ],
      [
        'agents may not be deleted',
        { ...there, [DELETE4]: problem(403, 'Denied', 4000) },
        'API_PERMISSION_DENIED',
        'The API user may not see or delete agent 001 web-01. It said: "Denied" (error 4000).',
        MAY_NOT,
        'Denied',
      ],
      [
        'authd does not run',
        { ...there, [DELETE4]: failedItem(1726, 'no authd') },
        'MANAGER_FAULT',
        'The API cannot delete agent 001 web-01, because authd does not run. It said: "no authd" (error 1726).',
        START,
        'no authd',
      ],
      [
        'authd does not run (3.x)',
        { ...there3, [DELETE3]: failed3(1726, '') },
        'MANAGER_FAULT',
        'The API cannot delete agent 001 web-01, because authd does not run (error 1726).',
        START,
        undefined,
        V3,
      ],
      [
        'it has no such call',
        { ...there, [DELETE4]: problem(405, 'Not Allowed') },
        'NOT_API',
        'MANAGER has no call to delete an agent. It said: "Not Allowed" (HTTP 405).',
        BY_HAND,
        'Not Allowed',
      ],
      [
        'it shows no keys',
        { [KEY]: { status: 404, body: '' } },
        'NOT_API',
        'MANAGER has no call to show the key of an agent, by which it could be told (HTTP 404).',
        BY_HAND,
      ],
      [
        'it does not show this key',
        { [KEY]: problem(404, 'It rains', 1799) },
        'REQUEST_REFUSED',
        'The API did not show the key of agent 001 web-01. It said: "It rains" (error 1799).',
        LOGS,
        'It rains',
      ],
      [
        'another reason',
        { ...there, [DELETE4]: [failedItem(1799, 'It rains'), deleted] },
        'REQUEST_REFUSED',
        'The API did not delete agent 001 web-01. It said: "It rains" (error 1799).',
        LOGS,
        'It rains',
      ],
      [
        'another reason (3.x)',
        { ...there3, [DELETE3]: failed3(1799, '') },
        'REQUEST_REFUSED',
        'The API did not delete agent 001 web-01 (error 1799).',
        LOGS,
        undefined,
        V3,
      ],
      [
        'no reason, and no agent in the answer',
        { ...there, [DELETE4]: nobody },
        'REQUEST_REFUSED',
        'The API did not delete agent 001 web-01 (HTTP 200).',
        LOGS,
      ],
      [
        'no reason, and another agent in the answer',
        { ...there, [DELETE4]: success({ affected_items: ['002'], failed_items: [] }) },
        'REQUEST_REFUSED',
        'The API did not delete agent 001 web-01 (HTTP 200).',
        LOGS,
      ],
      [
        'a reason, and all the same the agent in the answer',
        {
          ...there,
          [DELETE4]: success({ affected_items: ['001'], failed_items: [{ error: { code: 4000 }, id: ['001'] }] }, 2),
        },
        'API_PERMISSION_DENIED',
        'The API user may not see or delete agent 001 web-01 (error 4000).',
        MAY_NOT,
      ],
    ];
    for (const [why, routes, code, message, hint, managerSaid, version] of cases) {
      it(why, async () => {
        const { port } = await serve(routes, version);
        const error = await failure(remove());
        expect({
          code: error.code,
          message: error.message.replace(`127.0.0.1:${port}`, 'MANAGER'),
          hint: error.hint,
          managerSaid: error.managerSaid,
        }).to.deep.equal({ code, message, hint, managerSaid });
        expect(deletions()?.length).to.be.below(2);
      });
    }
    it('once it was asked for long enough: it is never old enough, and no request is open', async () => {
      await serve({ ...there, [DELETE4]: failedItem(1731, 'not eligible') });
      const one = deleter({ patienceMs: 400 });
      const error = await failure(one.remove(MINE, new AbortController().signal));
      expect([error.code, error.message]).to.deep.equal([
        'REQUEST_REFUSED',
        'The API did not delete agent 001 web-01. It said: "not eligible" (error 1731).',
      ]);
      expect(deletions()).to.have.length(2);
      expect(one.isOpen).to.equal(false);
    });
    it('and shows neither key nor password, whatever the answer repeats', async () => {
      await serve({ [KEY]: keyOf(MINE), [DELETE4]: problem(400, `no ${PASSWORD} ${'a'.repeat(64)}`, 1234) });
      const { message, hint, managerSaid } = await failure(remove());
      expect(managerSaid).to.include('[key]');
      expect([message, hint, managerSaid].join()).to.not.include(PASSWORD).and.not.include('a'.repeat(64));
    });
  });
});
