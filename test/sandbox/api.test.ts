import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { encodeMessage } from '../../src/link/message/codec.js';
import { deriveKey } from '../../src/link/message/key.js';
import { parseRecord } from '../../src/model/agent-record.js';
import { Secret } from '../../src/model/secret.js';
import { issueApiCertificate } from '../../src/sandbox/api/start.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/manager.js';
import { fingerprintOf, type IssuedCertificate, issueStockCertificate } from '../../src/sandbox/own-certificate.js';
import { describeEvent } from '../../src/sandbox/sandbox-events.js';
import { ApiClient, basic, type RecordedResponse } from './api-client.js';
import { askAuthd, udpAgent } from './clients.js';
import { EventLog } from './event-log.js';

let certificate: IssuedCertificate;
before(async () => {
  certificate = await issueStockCertificate();
});

interface Bench {
  readonly sandbox: Sandbox;
  readonly client: ApiClient;
  readonly log: EventLog;
  /** Moves the sandbox's clock. */
  pass(ms: number): void;
  /** A request as the first user, with JSON where there is a body. */
  call(method: string, path: string, body?: unknown, authorization?: string): Promise<Told>;
}

interface Told {
  readonly status: number;
  readonly error: unknown;
  readonly data: Record<string, unknown>;
  readonly response: RecordedResponse;
}

async function withApi(
  options: Omit<SandboxOptions, 'certificate' | 'clock' | 'onEvent'>,
  use: (bench: Bench) => Promise<void>,
): Promise<void> {
  let now = Date.parse('2026-11-22T05:20:45Z');
  const log = new EventLog();
  const sandbox = await startSandbox({
    ...options,
    certificate,
    clock: () => new Date(now),
    onEvent: log.onEvent,
  });
  const client = new ApiClient(sandbox.api?.url ?? '');
  let token: string | undefined;
  const authorize = async () => {
    if (options.family === 'wazuh-3') return basic('foo', 'bar');
    token ??= await client.logIn('wazuh', 'wazuh');
    return `Bearer ${token}`;
  };
  try {
    await use({
      sandbox,
      client,
      log,
      pass: (ms) => {
        now += ms;
      },
      call: async (method, path, body, authorization) => {
        const headers = {
          Authorization: authorization ?? (await authorize()),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        };
        return told(await client.send({ method, path, headers, body: body ?? null }));
      },
    });
  } finally {
    client.close();
    await sandbox.close();
  }
}

function told(response: RecordedResponse): Told {
  const fields = record(response.body);
  return { status: response.status, error: fields['error'], data: record(fields['data']), response };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function failedCodes({ data }: Told): unknown[] {
  const failed = data['failed_items'];
  return Array.isArray(failed) ? failed.map((item) => [record(record(item)['error'])['code'], record(item)['id']]) : [];
}

function recordIn(data: Record<string, unknown>) {
  const line = Buffer.from(String(data['key']), 'base64').toString('latin1');
  const parsed = parseRecord(line);
  if (!parsed.ok) throw new Error(parsed.fault);
  return parsed.record;
}

const LOGIN = '/security/user/authenticate';

describe("the sandbox's 4.x API", () => {
  it('blocks an address after 50 failed logins for 300 s, with the right password too, and tokens go on', () =>
    withApi({ family: 'wazuh-4', api: { secure: false } }, async ({ call, pass, log }) => {
      const before = await call('GET', '/');
      expect(before.status).to.equal(200);
      const logIn = async (password: string) => {
        const { status, error } = await call('POST', LOGIN, undefined, basic('wazuh', password));
        return [status, error];
      };
      for (let failure = 1; failure <= 50; failure += 1) expect(await logIn('wrong')).to.deep.equal([401, undefined]);
      expect(log.all.filter(({ type }) => type === 'address blocked')).to.have.length(1);
      expect(await logIn('wazuh')).to.deep.equal([403, 6000]);
      expect((await call('GET', '/')).status).to.equal(200);
      pass(299_999);
      expect(await logIn('wazuh')).to.deep.equal([403, 6000]);
      pass(1);
      expect(await logIn('wazuh')).to.deep.equal([200, 0]);
    }));

  it('forgets failures that lie 300 s back', () =>
    withApi({ family: 'wazuh-4', api: { blockAfter: 2 } }, async ({ call, pass }) => {
      const logIn = async (password: string) => (await call('GET', LOGIN, undefined, basic('wazuh', password))).status;
      expect(await logIn('wrong')).to.equal(401);
      pass(300_000);
      expect(await logIn('wrong')).to.equal(401);
      expect(await logIn('wazuh')).to.equal(200);
      expect(await logIn('wrong')).to.equal(401);
      expect(await logIn('wazuh')).to.equal(403);
    }));

  it('takes 300 requests a minute from everybody together, logins and refused ones included', () =>
    withApi({ family: 'wazuh-4', api: { secure: false } }, async ({ call, pass }) => {
      expect((await call('GET', '/')).status).to.equal(200);
      for (let asked = 3; asked <= 299; asked += 1) await call('GET', '/nowhere');
      expect((await call('GET', '/')).status).to.equal(200);
      const over = await call('GET', '/');
      expect([over.status, over.error]).to.deep.equal([429, 6001]);
      expect(over.response.headers).to.not.have.property('retry-after');
      expect((await call('POST', LOGIN, undefined, basic('wazuh', 'wazuh'))).status).to.equal(429);
      pass(59_999);
      expect((await call('GET', '/')).status).to.equal(429);
      pass(1);
      expect((await call('GET', '/')).status).to.equal(200);
    }));

  it('lets a token live for 900 s, and takes none that another sandbox issued', () =>
    withApi({ family: 'wazuh-4' }, async ({ call, pass, client }) => {
      expect((await call('GET', '/')).status).to.equal(200);
      const token = await client.logIn('wazuh', 'wazuh');
      pass(899_999);
      expect((await call('GET', '/', undefined, `Bearer ${token}`)).status).to.equal(200);
      pass(1);
      expect((await call('GET', '/', undefined, `Bearer ${token}`)).status).to.equal(401);
      const fresh = await client.logIn('wazuh', 'wazuh');
      const payload = fresh.split('.')[1];
      const tampered = fresh.replace(`${payload}`, `${token.split('.')[1]}`);
      expect((await call('GET', '/', undefined, `Bearer ${tampered}`)).status).to.equal(401);
      await withApi({ family: 'wazuh-4' }, async (other) => {
        expect((await other.call('GET', '/', undefined, `Bearer ${fresh}`)).status).to.equal(401);
      });
    }));

  it('has the same agents as authd, and remoted learns of those it adds', () =>
    withApi({ family: 'wazuh-4', keyReloadMs: 20 }, async ({ call, sandbox }) => {
      const { data } = await call('POST', '/agents', { name: 'by-api', ip: '127.0.0.1' });
      const { records } = await askAuthd(sandbox.endpoints.authd, ["OSSEC A:'by-api'\n"]);
      expect(records.join('')).to.equal('ERROR: Duplicate agent name: by-api. Unable to add agent');
      await askAuthd(sandbox.endpoints.authd, ["OSSEC A:'by-authd'\n"]);
      expect((await call('POST', '/agents', { name: 'by-authd' })).error).to.equal(1705);
      expect(sandbox.agents().map(({ id, name }) => [id, name])).to.deep.equal([
        ['001', 'by-api'],
        ['002', 'by-authd'],
      ]);

      const own = recordIn(data);
      const agent = await udpAgent(sandbox.endpoints.agent);
      const startup = (global: number) =>
        encodeMessage(
          {
            cipher: 'blowfish',
            id: own.id,
            random: '12345',
            counter: { global: 0, local: global },
            payload: '#!-agent startup ',
          },
          deriveKey(own),
        );
      let answer: unknown = 'timeout';
      for (let attempt = 1; attempt <= 40 && answer === 'timeout'; attempt += 1) {
        agent.send(startup(attempt));
        answer = await agent.next(50);
      }
      expect(answer).to.have.property('message');
      const { data: found } = await call('GET', '/agents?name=BY-API&select=name,status');
      expect(found['affected_items']).to.deep.equal([{ name: 'by-api', status: 'pending' }]);
      await agent.close();
    }));

  it('shares its groups with authd', () =>
    withApi({ family: 'wazuh-4' }, async ({ call, sandbox }) => {
      await call('POST', '/groups', { group_id: 'web' });
      await askAuthd(sandbox.endpoints.authd, ["OSSEC A:'web-01' G:'web'\n"]);
      expect(sandbox.agents()[0]?.groups).to.deep.equal(['web']);
      expect(failedCodes(await call('PUT', '/agents/001/group/web'))).to.deep.equal([[1751, ['001']]]);
      expect((await call('PUT', '/agents/001/group/default')).error).to.equal(0);
      expect(sandbox.agents()[0]?.groups).to.deep.equal(['web', 'default']);
      expect(failedCodes(await call('PUT', '/agents/000/group/web'))).to.deep.equal([[1703, ['000']]]);
      const some = await call('GET', '/groups?groups_list=web,nosuch');
      expect([some.status, some.error, failedCodes(some)]).to.deep.equal([200, 2, [[1710, ['nosuch']]]]);
    }));

  it('lists with error 2 what it found and what not', () =>
    withApi({ family: 'wazuh-4' }, async ({ call }) => {
      await call('POST', '/agents', { name: 'web-01' });
      const some = await call('GET', '/agents?agents_list=001,002,003&select=id');
      expect([some.status, some.error, some.data['affected_items']]).to.deep.equal([200, 2, [{ id: '001' }]]);
      expect(failedCodes(some)).to.deep.equal([[1701, ['002', '003']]]);
    }));

  it('replaces by force what the conditions allow', () =>
    withApi({ family: 'wazuh-4' }, async ({ call, pass, sandbox, log }) => {
      const insert = async (force: unknown) => {
        const { status, error } = await call('POST', '/agents/insert', { name: 'web-01', force });
        return [status, error];
      };
      await call('POST', '/agents', { name: 'web-01' });
      expect(await insert({ enabled: true })).to.deep.equal([400, 1705]);
      pass(3_600_000);
      const again = await call('POST', LOGIN, undefined, basic('wazuh', 'wazuh'));
      const bearer = `Bearer ${again.data['token']}`;
      const { error } = await call('POST', '/agents/insert', { name: 'web-01', force: { enabled: true } }, bearer);
      expect(error).to.equal(0);
      expect(sandbox.agents().map(({ id }) => id)).to.deep.equal(['002']);
      expect(log.all.map(({ type }) => type)).to.include('replaced');
      const off = await call('POST', '/agents/insert', { name: 'web-01', force: { enabled: false } }, bearer);
      expect(off.error).to.equal(1705);
      const bad = await call('POST', '/agents/insert', { name: 'x', force: { key_mismatch: true } }, bearer);
      expect([bad.status, bad.error]).to.deep.equal([400, undefined]);
    }));

  it('registers the addresses that authd takes, and shows them as they were sent', () =>
    withApi({ family: 'wazuh-4' }, async ({ call, sandbox }) => {
      for (const [ip, stored] of [
        ['any', 'any'],
        ['ANY', 'ANY'],
        ['10.1.2.0/24', '10.1.2.0/24'],
        ['2001:db8::1', '2001:0DB8:0000:0000:0000:0000:0000:0001'],
      ] as const) {
        const { data } = await call('POST', '/agents', { name: `web-${sandbox.agents().length}`, ip });
        const line = Buffer.from(String(data['key']), 'base64').toString('latin1');
        expect([line.split(' ')[2], sandbox.agents().at(-1)?.ip]).to.deep.equal([ip, stored]);
      }
      for (const ip of ['10.1.2.3/24', '2001:db8::1/64', 'nonsense']) {
        const { status, error } = await call('POST', '/agents', { name: 'web-9', ip });
        expect([status, error], ip).to.deep.equal([400, 1706]);
      }
      expect(sandbox.agents()).to.have.length(4);
    }));

  it('lets each user do what it may, and no more', () =>
    withApi({ family: 'wazuh-4', groups: ['web'] }, async ({ call, client, sandbox }) => {
      const as = async (name: string) => `Bearer ${await client.logIn(name, name)}`;
      const [enroll, reader] = [await as('enroll'), await as('reader')];
      expect((await call('POST', '/agents', { name: 'web-01' }, enroll)).error).to.equal(0);
      for (const [method, path, body, user] of [
        ['POST', '/agents', { name: 'web-02' }, reader],
        ['POST', '/agents/insert/quick?agent_name=web-02', undefined, reader],
        ['PUT', '/agents/001/group/web', undefined, enroll],
        ['PUT', '/agents/001/group/web', undefined, reader],
        ['GET', '/agents/001/key', undefined, enroll],
        ['POST', '/groups', { group_id: 'db' }, reader],
      ] as const) {
        const denied = await call(method, path, body, user);
        expect([denied.status, denied.error], `${method} ${path}`).to.deep.equal([403, 4000]);
      }
      expect(sandbox.agents()).to.have.length(1);
      expect((await call('GET', '/agents/001/key', undefined, reader)).error).to.equal(0);
    }));

  it('refuses what the schema does not have', () =>
    withApi({ family: 'wazuh-4' }, async ({ call, client }) => {
      const token = await client.logIn('wazuh', 'wazuh');
      const status = async (...args: Parameters<Bench['call']>) => (await call(...args)).status;
      expect(await status('GET', '/nowhere')).to.equal(404);
      expect(await status('DELETE', '/agents/insert')).to.equal(405);
      expect(await status('PUT', LOGIN, undefined, basic('wazuh', 'wazuh'))).to.equal(405);
      expect(await status('GET', '/agents?nosuch=1')).to.equal(400);
      expect(await status('GET', '/agents/1/key')).to.equal(400);
      expect(await status('POST', '/agents', { name: 1 })).to.equal(400);
      expect(await status('POST', '/agents', ['x'])).to.equal(400);
      expect(await status('GET', '/agents/%zz/key')).to.equal(404);
      const big = {
        method: 'POST',
        path: '/agents',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: { name: 'x'.repeat(70_000) },
      };
      expect((await client.send(big)).status).to.equal(413);
    }));
});

describe("the sandbox's 3.x API", () => {
  it('restarts every agent instead of adding one called restart, which POST does add', () =>
    withApi({ family: 'wazuh-3' }, async ({ call, sandbox, log }) => {
      await call('POST', '/agents', { name: 'web-01', ip: 'any' });
      const { status, error } = await call('PUT', '/agents/restart');
      expect([status, error]).to.deep.equal([200, 0]);
      expect(log.all).to.deep.include({ type: 'agents restarted', agents: 1 });
      expect(sandbox.agents().map(({ name }) => name)).to.deep.equal(['web-01']);
      await call('POST', '/agents', { name: 'restart', ip: 'any' });
      expect(sandbox.agents().map(({ name }) => name)).to.deep.equal(['web-01', 'restart']);
    }));

  it('has codes of its own for duplicates where authd does not run', () =>
    withApi({ family: 'wazuh-3', api: { authdReachable: false } }, async ({ call }) => {
      const insert = async (name: string, ip: string, id: string) =>
        (await call('POST', '/agents/insert', { name, ip, id, key: 'ab'.repeat(32) })).error;
      expect(await insert('web-01', '10.0.0.1', '500')).to.equal(0);
      expect(await insert('web-01', 'any', '501')).to.equal(1705);
      expect(await insert('web-02', '10.0.0.1', '501')).to.equal(1706);
      expect(await insert('web-02', 'any', '500')).to.equal(1708);
    }));

  it('replaces with force N who was not seen for N seconds', () =>
    withApi({ family: 'wazuh-3', keyReloadMs: 20 }, async ({ call, pass, sandbox, log }) => {
      const { data } = await call('POST', '/agents', { name: 'web-01', ip: 'any' });
      const own = recordIn(data);
      await log.until((event) => event.type === 'keys loaded' && event.agents === 1);
      const agent = await udpAgent(sandbox.endpoints.agent);
      const message = { cipher: 'blowfish', id: own.id, random: '12345', counter: { global: 0, local: 1 } } as const;
      agent.send(encodeMessage({ ...message, payload: '#!-agent startup ' }, deriveKey(own)));
      await log.until((event) => event.type === 'state' && event.agent.state === 'pending');
      const again = async (force: unknown) =>
        (await call('POST', '/agents', { name: 'web-01', ip: 'any', force })).error;
      expect(await again(60)).to.equal(9008);
      pass(60_000);
      expect(await again(60)).to.equal(0);
      expect(await again(-1)).to.equal(600);
      await agent.close();
    }));

  it('refuses IPv6 and takes the address of the connection where none is sent', () =>
    withApi({ family: 'wazuh-3', api: { secure: false } }, async ({ call, sandbox }) => {
      expect(sandbox.api?.url).to.match(/^http:/);
      const six = await call('POST', '/agents', { name: 'web-01', ip: '2001:db8::1' });
      expect([six.status, six.error]).to.deep.equal([400, 606]);
      await call('POST', '/agents', { name: 'web-01' });
      expect(sandbox.agents()[0]?.ip).to.equal('127.0.0.1');
    }));
});

describe("the sandbox's API server", () => {
  it('has a certificate like the stock one, for localhost alone, unless it is given another', async () => {
    const stock = await issueApiCertificate({}, undefined);
    const shown = new X509Certificate(stock?.certificate ?? '');
    expect([shown.subject, shown.issuer, shown.subjectAltName]).to.deep.equal([
      'CN=wazuh.com',
      'CN=wazuh.com',
      'DNS:localhost',
    ]);
    expect(await issueApiCertificate({}, certificate)).to.equal(certificate);
    if (stock === undefined) throw new Error('none was issued');
    await withApi({ family: 'wazuh-4', api: { certificate: stock } }, async ({ sandbox }) => {
      expect(sandbox.api?.fingerprint).to.equal(fingerprintOf(stock.certificate)).and.not.equal(sandbox.fingerprint);
    });
  });

  it('is not there with OSSEC', async () => {
    const sandbox = await startSandbox({ family: 'ossec', certificate });
    expect([sandbox.api, sandbox.endpoints.api]).to.deep.equal([undefined, undefined]);
    await sandbox.close();
  });

  it('tells what happens, and no secret', () => {
    const secrets = ['p4ss-of-user', 'wr0ng-password', 'cd'.repeat(32)];
    const users = [{ name: 'ops', password: new Secret('p4ss-of-user'), permissions: 'all' }] as const;
    return withApi({ family: 'wazuh-4', api: { users } }, async ({ call, client, log, sandbox }) => {
      const token = await client.logIn('ops', 'p4ss-of-user');
      secrets.push(token);
      await call('POST', LOGIN, undefined, basic('ops', 'wr0ng-password'));
      const bearer = `Bearer ${token}`;
      const added = await call('POST', '/agents', { name: 'web-01' }, bearer);
      secrets.push(String(added.data['key']), recordIn(added.data).key.reveal());
      const fixed = { name: 'web-02', id: '700', key: 'cd'.repeat(32), ip: 'any' };
      await call('POST', '/agents/insert', fixed, bearer);
      await call('GET', '/agents/001/key?pretty=true', undefined, bearer);
      await call('PUT', '/agents/001/group/default', undefined, bearer);
      const told = `${JSON.stringify(log.all)}\n${log.all.map(describeEvent).join('\n')}\n${JSON.stringify(sandbox)}`;
      for (const secret of secrets) expect(told).to.not.include(secret);
      expect(log.all.map(describeEvent).join('\n')).to.match(
        /api: POST \/security\/user\/authenticate from 127\.0\.0\.1:\d+, answered 401\n/,
      );
      expect(told).to.match(
        /api: POST \/agents\/insert from \S+ \(ops\), answered 200\nagent 700 \(web-02\) registered/,
      );
    });
  });

  it('closes with clients in every stage', async () => {
    const sandbox = await startSandbox({ family: 'wazuh-4', certificate });
    const { host = '', port = 0 } = sandbox.endpoints.api ?? {};
    const idle = new ApiClient(sandbox.api?.url ?? '');
    await idle.logIn('wazuh', 'wazuh');
    const silent = connect({ host, port });
    await new Promise((resolve) => silent.once('connect', resolve));
    const closed = new Promise((resolve) => silent.once('close', resolve));
    silent.on('error', () => {});
    await sandbox.close();
    await closed;
    idle.close();
  });
});
