import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import type { AgentKey, Completion } from '../../../src/obtain/key-source.js';
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
