import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { isObject, listOf, memberOf } from '../../src/model/json.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { ApiClient, basic } from './api-client.js';
import { EventLog } from './event-log.js';

const DAY_MS = 86_400_000;

describe("the sandbox's API, asked to delete agents", () => {
  let certificate: IssuedCertificate;
  let sandbox: Sandbox;
  let client: ApiClient;
  let log: EventLog;
  let now: number;
  before(async () => {
    certificate = await issueStockCertificate();
  });
  afterEach(async () => {
    client.close();
    await sandbox.close();
  });

  /** A manager with some agents, and how one of its users asks to delete. */
  const manager = async (options: Partial<SandboxOptions> = {}) => {
    now = Date.parse('2026-11-22T05:20:45Z');
    log = new EventLog();
    const given = { family: 'wazuh-4', certificate, clock: () => new Date(now), onEvent: log.onEvent } as const;
    sandbox = await startSandbox({ ...given, ...options });
    client = new ApiClient(sandbox.api?.url ?? '');
    for (const name of ['web-01', 'web-02']) sandbox.addAgent({ name });
    return async (path: string, user = 'retire', password = user) => {
      const is3 = options.family === 'wazuh-3';
      const authorization = is3 ? basic('foo', 'bar') : `Bearer ${await client.logIn(user, password)}`;
      const request = { method: 'DELETE', path, headers: { Authorization: authorization }, body: null };
      const { status, body } = await client.send(request);
      const data = memberOf(body, 'data');
      const failed = listOf(memberOf(data, 'failed_items') ?? memberOf(data, 'failed_ids'));
      return {
        status,
        error: memberOf(body, 'error'),
        detail: memberOf(body, 'detail'),
        removed: memberOf(data, 'affected_items') ?? memberOf(data, 'affected_agents'),
        failed: failed.map((item) => [memberOf(memberOf(item, 'error'), 'code'), isObject(item) && item['id']]),
      };
    };
  };
  const ids = () => sandbox.agents().map(({ id }) => id);

  it('deletes those of the list, and says which it could not (4.x)', async () => {
    const remove = await manager();
    const { status, error, removed, failed } = await remove('/agents?agents_list=001,000,777&status=all&older_than=0s');
    expect({ status, error, removed }).to.deep.equal({ status: 200, error: 2, removed: ['001'] });
    expect(failed).to.deep.equal([
      [1703, ['000']],
      [1701, ['777']],
    ]);
    expect(ids()).to.deep.equal(['002']);
    expect(log.all.filter(({ type }) => type === 'removed')).to.have.length(1);
  });

  it('spares who was seen within a week unless it is told otherwise', async () => {
    const remove = await manager();
    const spared = await remove('/agents?agents_list=001&status=all');
    expect([spared.error, spared.failed]).to.deep.equal([1, [[1731, ['001']]]]);
    now += 7 * DAY_MS;
    expect((await remove('/agents?agents_list=001&status=all&purge=true')).removed).to.deep.equal(['001']);
  });

  it('spares who is in another state, or has another name', async () => {
    const remove = await manager();
    for (const other of ['status=active,pending', 'status=all&name=db-01']) {
      expect((await remove(`/agents?agents_list=001&older_than=0s&${other}`)).failed).to.deep.equal([[1731, ['001']]]);
    }
    const fits = await remove('/agents?agents_list=001&older_than=0s&status=never_connected&name=WEB-01');
    expect(fits.removed).to.deep.equal(['001']);
  });

  it('refuses what the schema of its version does not have', async () => {
    const remove = await manager();
    for (const query of [
      'status=all',
      'agents_list=001',
      'agents_list=1&status=all',
      'agents_list=001&status=odd',
      'agents_list=001&status=all&older_than=soon',
      'agents_list=001&status=all&odd=1',
    ]) {
      expect((await remove(`/agents?${query}`)).status, query).to.equal(400);
    }
    expect(ids()).to.deep.equal(['001', '002']);
  });

  it('before 4.3 knows no status of all, and needs none', async () => {
    const remove = await manager({ version: 'v4.0.4' });
    const refused = await remove('/agents?agents_list=001&status=all&older_than=0s');
    expect([refused.status, refused.detail]).to.deep.equal([
      400,
      "'all' is not one of ['active', 'pending', 'never_connected', 'disconnected'] - 'status'",
    ]);
    expect((await remove('/agents?agents_list=001&older_than=0s')).removed).to.deep.equal(['001']);
    const each = 'active,pending,never_connected,disconnected';
    expect((await remove(`/agents?agents_list=002&older_than=0s&status=${each}`)).removed).to.deep.equal(['002']);
  });

  it('asks for the permission', async () => {
    const remove = await manager();
    const { status, error } = await remove('/agents?agents_list=001&status=all&older_than=0s', 'reader');
    expect([status, error]).to.deep.equal([403, 4000]);
    expect(ids()).to.deep.equal(['001', '002']);
  });

  it('hides a failure in a success (3.x)', async () => {
    const remove = await manager({ family: 'wazuh-3' });
    expect(await remove('/agents/001?purge')).to.deep.include({ status: 200, error: 0, removed: ['001'], failed: [] });
    for (const [id, code] of [
      ['001', 1701],
      ['000', 1703],
    ]) {
      expect(await remove(`/agents/${id}?purge`)).to.deep.include({ error: 0, removed: [], failed: [[code, id]] });
    }
    expect((await remove('/agents/x')).status).to.equal(400);
    expect(ids()).to.deep.equal(['002']);
  });
});
