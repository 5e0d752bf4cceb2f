import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { type Dial, directDial } from '../../../src/net/connect.js';
import { failure } from '../../net/expect-error.js';
import {
  type ApiServer,
  failedItem,
  managerApi,
  problem,
  recorded,
  type Step,
  success,
  type Version,
} from './api-server.js';
import { asking, obtainPlainly as obtain } from './setting.js';

const V3 = '3.13.6-authd';
const cut: Step = (_seen, response) => response.socket?.destroy();
const silent: Step = () => {};
const torn: Step = (_seen, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('{"data":', () => response.socket?.destroy());
};

/** The agent of the recording `add-success-ip`, registered after the recorded clock of `GET /`. */
const mine = {
  id: '005',
  name: 'web03',
  registerIP: '10.0.0.9',
  status: 'never_connected',
  dateAdd: '2026-11-22T05:23:32Z',
};
const found = (agent: Record<string, unknown>) => success({ affected_items: [agent], failed_items: [] });
const nobody = success({ affected_items: [], failed_items: [] });
const issued = recorded('4.14.7', 'add-success-ip').body;
const key = success({
  affected_items: [
    { id: '005', key: typeof issued === 'object' ? (JSON.parse(JSON.stringify(issued)).data.key as unknown) : '' },
  ],
  failed_items: [],
});

describe('an answer that was lost', () => {
  let server: ApiServer | undefined;
  const serve = async (version: Version, routes: Parameters<typeof managerApi>[1]) => {
    server = await managerApi(version, routes, { plain: true });
    return server;
  };
  const posts = () => server?.calls.filter((call) => call.startsWith('POST /agents')).length;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  for (const [how, step] of [
    ['the connection is cut', cut],
    ['the answer breaks off', torn],
    ['the API fails (1000)', problem(500, 'Wazuh Internal Error', 1000)],
    ['a proxy gives up', { status: 504, headers: {}, body: '<html>' }],
  ] satisfies [string, Step][]) {
    it(`${how}: the agent is found and its key read, nothing is sent twice`, async () => {
      const { url } = await serve('4.14.7', {
        'POST /agents': step,
        'GET /agents': [nobody, found(mine)],
        'GET /agents/005/key': [failedItem(1701, 'Agent does not exist', '005'), key],
      });
      const got = await obtain(url, asking('web03', '10.0.0.9'));
      expect(got.record.id).to.equal('005');
      expect(got.warnings.join()).to.include('lost');
      expect(posts()).to.equal(1);
    });

    it(`${how}: nothing can be learned, so the agent may exist`, async () => {
      const { url } = await serve('4.14.7', { 'POST /agents': step, 'GET /agents': 'rbac-filtered-list' });
      const error = await failure('ANSWER_LOST', () => obtain(url, asking('web03', '10.0.0.9')));
      expect(error.exitCode).to.equal(8);
      expect(error.retryable).to.equal(false);
      expect(posts()).to.equal(1);
    });
  }

  it('no answer comes in time', async () => {
    const { url } = await serve('4.14.7', { 'POST /agents': silent, 'GET /agents': nobody });
    const error = await failure('ANSWER_LOST', () => obtain(url, asking('web03'), { timeoutMs: 250, patienceMs: 0 }));
    expect(error.message).to.include('did not answer within 0.25 s');
    expect(posts()).to.equal(1);
  });

  it('3.x', async () => {
    const agent = { ...mine, id: '007', status: 'Never connected', dateAdd: '2026-11-22 05:20:45' };
    const line = recorded(V3, 'add-success-ip').body;
    const { url } = await serve(V3, {
      'POST /agents': cut,
      'GET /agents/name/web03': ['find-by-name-none', { status: 200, body: { error: 0, data: agent } }],
      'GET /agents/007/key': {
        status: 200,
        body: { error: 0, data: JSON.parse(JSON.stringify(line)).data.key as unknown },
      },
    });
    expect((await obtain(url, asking('web03', '10.0.0.9'))).record.id).to.equal('007');
    expect(posts()).to.equal(1);
  });

  it('an older agent of that name is not taken for the new one', async () => {
    const { url, calls } = await serve('4.14.7', {
      'POST /agents': cut,
      'GET /agents': found({ ...mine, dateAdd: '2026-11-20T05:23:32Z' }),
      'GET /agents/005/key': key,
    });
    await failure('NAME_DUPLICATE', () => obtain(url, asking('web03', '10.0.0.9')));
    expect(calls).not.to.include('GET /agents/005/key');
  });

  for (const [what, agent] of [
    ['of another case', { ...mine, name: 'WEB03' }],
    ['with another address', { ...mine, registerIP: '10.0.0.10' }],
    ['that has connected', { ...mine, status: 'active' }],
    ['without a date', { ...mine, dateAdd: null }],
    ['from the future', { ...mine, dateAdd: '2026-11-23T05:23:32Z' }],
  ] satisfies [string, Record<string, unknown>][]) {
    it(`nor is one ${what}`, async () => {
      const { url, calls } = await serve('4.14.7', {
        'POST /agents': cut,
        'GET /agents': found(agent),
        'GET /agents/005/key': key,
      });
      await failure('ANSWER_LOST', () => obtain(url, asking('web03', '10.0.0.9')));
      expect(calls).not.to.include('GET /agents/005/key');
    });
  }

  it('the key that is read back must fit as well', async () => {
    const { url } = await serve('4.14.7', {
      'POST /agents': cut,
      'GET /agents': found({ ...mine, id: '006' }),
      'GET /agents/006/key': key,
    });
    await failure('ANSWER_LOST', () => obtain(url, asking('web03', '10.0.0.9')));
  });

  it('an abort ends with its own reason', async () => {
    const stop = new AbortController();
    const { url } = await serve('4.14.7', { 'POST /agents': () => stop.abort() });
    await failure('INTERRUPTED', () => obtain(url, asking('web03'), {}, stop.signal));
  });

  it('is none that has arrived: an abort in the same moment comes too late', async () => {
    const stop = new AbortController();
    const { url, calls } = await serve('4.14.7', { 'POST /agents': 'add-success-ip' });
    const direct = directDial(2000);
    const dial: Dial = async (endpoint, signal) => {
      const socket = await direct(endpoint, signal);
      // Heard before the reader's own listener has the answer, done right after it.
      return socket.on('readable', () => {
        if (calls.includes('POST /agents')) queueMicrotask(() => stop.abort());
      });
    };
    const key = await obtain(url, asking('web03', '10.0.0.9'), { dial }, stop.signal);
    expect(stop.signal.aborted).to.equal(true);
    expect(key.record.id).to.equal('005');
  });

  it('a connection that never came about is no lost answer', async () => {
    const gone = await serve('4.14.7', {});
    await gone.close();
    server = undefined;
    await failure('CONNECTION_REFUSED', () => obtain(gone.url, asking('web03')));
  });
});
