import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { spkiFingerprint } from '../../../src/net/certificate.js';
import { type Dial, directDial } from '../../../src/net/connect.js';
import { apiSource } from '../../../src/obtain/api/source.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { passwordOf } from '../password.js';
import { type ApiServer, failedItem, managerApi, problem, success, type Version } from './api-server.js';
import { asking, completed, obtain, options, PASSWORD, telling } from './setting.js';

const live = new AbortController().signal;
const basic = `Basic ${Buffer.from(`enroll:${PASSWORD}`).toString('base64')}`;

describe('apiSource', () => {
  let server: ApiServer | undefined;
  const serve = async (...args: Parameters<typeof managerApi>) => {
    server = await managerApi(...args);
    return server;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  describe('gets a key as the recorded servers give one', () => {
    const families: readonly (readonly [Version, string, string])[] = [
      ['3.13.6-authd', 'wazuh-3', '007'],
      ['4.3.11', 'wazuh-4', '005'],
      ['4.14.7', 'wazuh-4', '005'],
    ];
    for (const [version, family, id] of families) {
      it(version, async () => {
        const { url, port, seen } = await serve(version, { 'POST /agents': 'add-success-ip' });
        const key = await obtain(url, asking('web03', '10.0.0.9'));
        expect(key.method).to.equal('api');
        expect(key.family).to.equal(family);
        expect(key.endpoint).to.deep.equal({ host: '127.0.0.1', port });
        expect({ ...key.record, key: key.record.key.reveal().length }).to.deep.equal({
          id,
          name: 'web03',
          ip: '10.0.0.9',
          key: 64,
        });
        expect(key.trust?.by).to.equal('ca');
        expect(key.warnings).to.deep.equal([]);
        const post = seen.find(({ method, path }) => method === 'POST' && path === '/agents');
        expect(post?.body).to.deep.equal({ name: 'web03', ip: '10.0.0.9' });
        expect(post?.headers['content-type']).to.equal('application/json');
        expect(post?.headers['accept-encoding']).to.equal('identity');
      });
    }

    it('5.x, which answers as 4.x with POST for the login', async () => {
      const info = success({ api_version: '5.0.0', timestamp: '2026-11-22T05:23:31Z' });
      const { url } = await serve('4.14.7', { 'GET /': info, 'POST /agents': 'add-success-ip' });
      const key = await obtain(url, asking('web03', '10.0.0.9'));
      expect(key.family).to.equal('wazuh-5');
    });
  });

  describe('logs in', () => {
    it('only once it knows which API it is, by POST, with a token for all that follows', async () => {
      const { url, calls, seen } = await serve('4.14.7', { 'POST /agents': 'add-success-ip' });
      await obtain(url, asking('web03', '10.0.0.9'));
      expect(calls).to.deep.equal(['GET /', 'POST /security/user/authenticate', 'GET /', 'POST /agents']);
      expect(seen[0]?.headers.authorization).to.equal(undefined);
      expect(seen[1]?.headers.authorization).to.equal(basic);
      for (const { headers } of seen.slice(2)) expect(headers.authorization).to.match(/^Bearer eyJ/);
    });

    for (const version of ['3.13.6-authd', '4.14.7'] as const) {
      it(`with the bytes of the password as they stand, and the user's in UTF-8 (${version})`, async () => {
        const { url, seen } = await serve(version, { 'POST /agents': 'add-success-ip' });
        const credentials = { user: 'jürgen', password: passwordOf('p\xe4ss:w', 'latin1') };
        await obtain(url, asking('web03', '10.0.0.9'), { credentials });
        const sent = /^Basic (.*)$/.exec(seen[1]?.headers.authorization ?? '')?.[1] ?? '';
        expect(Buffer.from(sent, 'base64').toString('latin1')).to.equal('j\xc3\xbcrgen:p\xe4ss:w');
      });
    }

    it('by GET where POST is 405 (4.0 to 4.3)', async () => {
      const { url, calls } = await serve('4.3.11', { 'POST /agents': 'add-success-ip' });
      await obtain(url, asking('web03', '10.0.0.9'));
      expect(calls.slice(1, 3)).to.deep.equal(['POST /security/user/authenticate', 'GET /security/user/authenticate']);
    });

    it('again, once, when the token has expired', async () => {
      const { url, calls } = await serve('4.14.7', { 'POST /agents': ['token-expired', 'add-success-ip'] });
      await obtain(url, asking('web03', '10.0.0.9'));
      expect(calls.slice(3)).to.deep.equal(['POST /agents', 'POST /security/user/authenticate', 'POST /agents']);
    });

    it('not a third time', async () => {
      const { url, calls } = await serve('4.14.7', { 'POST /agents': 'token-expired' });
      await failure('NOT_API', () => obtain(url, asking('web03', '10.0.0.9')));
      expect(calls.filter((call) => call.includes('authenticate'))).to.have.length(2);
    });

    for (const version of ['3.13.6-authd', '4.3.11', '4.14.7'] as const) {
      it(`with bad credentials once and never again (${version})`, async () => {
        const login = version === '4.3.11' ? 'GET' : 'POST';
        const where = version === '3.13.6-authd' ? 'GET /' : `${login} /security/user/authenticate`;
        const { url, seen } = await serve(version, { [where]: 'bad-credentials' });
        const source = apiSource(options(url));
        const error = await failure('API_CREDENTIALS_REFUSED', () => source.obtain(asking('web03'), live));
        await failure('API_CREDENTIALS_REFUSED', () => source.obtain(asking('web03'), live));
        expect(error.exitCode).to.equal(5);
        expect(error.retryable).to.equal(false);
        expect(error.hint).to.include('50 failed logins');
        const tried = seen.filter(({ headers }) => headers.authorization !== undefined);
        expect(tried).to.have.length(version === '4.3.11' ? 2 : 1);
      });
    }

    it('not at all with a user that contains a colon', async () => {
      const { url, seen } = await serve('4.14.7', {});
      const credentials = { ...options(url).credentials, user: 'a:b' };
      await failure('SETTING_INVALID', () => obtain(url, asking('web03'), { credentials }));
      expect(seen.filter(({ headers }) => headers.authorization !== undefined)).to.deep.equal([]);
    });
  });

  describe('has the right patience', () => {
    it('waits, longer each time, where the server is limited', async () => {
      const { url } = await serve('4.14.7', {
        'POST /agents': ['rate-limited', 'rate-limited', 'rate-limited', 'add-success-ip'],
      });
      const given = options(url);
      await apiSource(given).obtain(asking('web03', '10.0.0.9'), live);
      expect(given.waits).to.deep.equal([250, 500, 1000]);
    });

    it('is limited at the login too, and gives up within its budget', async () => {
      const { url, calls } = await serve('4.14.7', { 'POST /security/user/authenticate': 'rate-limited' });
      const given = options(url);
      const error = await failure('API_RATE_LIMITED', () => apiSource(given).obtain(asking('web03'), live));
      expect(error.retryable).to.equal(true);
      expect(given.waits.reduce((sum, ms) => sum + ms, 0)).to.be.lessThan(10_000);
      expect(calls).not.to.include('POST /agents');
    });

    for (const code of [1013, 1017]) {
      it(`waits for a manager that is starting (${code})`, async () => {
        const { url } = await serve('4.14.7', {
          'POST /agents': [problem(500, 'Some daemons are not ready yet', code), 'add-success-ip'],
        });
        const key = await obtain(url, asking('web03', '10.0.0.9'));
        expect(key.record.id).to.equal('005');
      });
    }

    it('waits for a starting manager of 3.x, which says so in HTTP 200', async () => {
      const starting = { status: 200, body: { error: 1017, message: 'Some daemons are not ready yet' } };
      const { url } = await serve('3.13.6-authd', { 'POST /agents': [starting, 'add-success-ip'] });
      expect((await obtain(url, asking('web03', '10.0.0.9'))).record.id).to.equal('007');
    });

    it('waits where a proxy has no API behind it yet, or the API itself fails', async () => {
      const { url } = await serve('4.14.7', {
        'POST /security/user/authenticate': [
          { status: 502, body: '<html>' },
          problem(500, 'Internal Server Error'),
          'authenticate-json',
        ],
        'POST /agents': 'add-success-ip',
      });
      expect((await obtain(url, asking('web03', '10.0.0.9'))).record.id).to.equal('005');
    });

    it('says that a manager is starting when it stays so', async () => {
      const { url } = await serve('4.14.7', { 'POST /agents': problem(500, 'not ready', 1017) });
      const error = await failure('API_STARTING', () => obtain(url, asking('web03')));
      expect(error.exitCode).to.equal(3);
      expect(error.retryable).to.equal(true);
    });

    it('has none with a block', async () => {
      const { url, calls } = await serve('4.14.7', { 'POST /security/user/authenticate': 'login-blocked-post' });
      const given = options(url);
      const error = await failure('API_BLOCKED', () => apiSource(given).obtain(asking('web03'), live));
      expect(error.retryable).to.equal(false);
      expect(given.waits).to.deep.equal([]);
      expect(calls).to.have.length(2);
    });

    it('ends at once when it is aborted while it waits', async () => {
      const { url } = await serve('4.14.7', { 'POST /agents': 'rate-limited' });
      const stop = new AbortController();
      const pause = async () => stop.abort();
      await failure('INTERRUPTED', () => obtain(url, asking('web03'), { pause }, stop.signal));
    });
  });

  describe('trusts', () => {
    it('a pinned key', async () => {
      const { url } = await serve('4.14.7', { 'POST /agents': 'add-success-ip' }, { identity: certificates().stock });
      const pin = spkiFingerprint(new X509Certificate(certificates().stock.certificate));
      const key = await obtain(url, asking('web03', '10.0.0.9'), { trust: { pin, insecure: false } });
      expect(key.trust?.by).to.equal('pin');
    });

    it('anybody with --insecure, and warns', async () => {
      const { url } = await serve('4.14.7', { 'POST /agents': 'add-success-ip' }, { identity: certificates().stock });
      const { told, warnings } = telling();
      const key = await obtain(url, asking('web03', '10.0.0.9'), { trust: { insecure: true }, ...told });
      expect(key.trust?.by).to.equal('nothing');
      expect(warnings).to.have.lengthOf(1);
      expect(warnings.join()).to.include('not checked').and.include('--pin sha256:');
    });

    it('nobody at first use: an unknown certificate gets no request, and the error shows what to pin', async () => {
      const { url, seen } = await serve('4.14.7', {}, { identity: certificates().stock });
      const pin = spkiFingerprint(new X509Certificate(certificates().stock.certificate));
      for (const trust of [{ insecure: false }, { insecure: false, firstUse: pin }]) {
        const error = await failure('CERTIFICATE_UNTRUSTED', () => obtain(url, asking('web03'), { trust }));
        expect(error.exitCode).to.equal(4);
        expect(error.message).to.include('The API credentials were not sent.');
        expect(error.hint).to.include(`--pin sha256:${pin}`);
      }
      expect(seen).to.deep.equal([]);
    });

    it('no other certificate than that of the CA', async () => {
      const { url, seen } = await serve('4.14.7', {}, { identity: certificates().byStranger });
      await failure('CERTIFICATE_UNTRUSTED', () => obtain(url, asking('web03')));
      expect(seen).to.deep.equal([]);
    });

    it('plain http only where --insecure allows it', async () => {
      const { url, seen } = await serve('3.13.6-authd', { 'POST /agents': 'add-success-ip' }, { plain: true });
      await failure('SETTING_INVALID', () => obtain(url, asking('web03')));
      expect(seen).to.deep.equal([]);
      const { told, warnings } = telling();
      const key = await obtain(url, asking('web03', '10.0.0.9'), { trust: { insecure: true }, ...told });
      expect(key.trust).to.equal(undefined);
      expect(warnings.join()).to.include('plain http');
    });

    it('is told where nothing comes of it: who got the credentials, or that nobody did', async () => {
      const stranger = await serve('4.14.7', {}, { identity: certificates().stock });
      const refused = telling();
      await failure('CERTIFICATE_UNTRUSTED', () => obtain(stranger.url, asking('web03'), refused.told));
      expect(refused.seen.map(({ by }) => by)).to.deep.equal(['refused']);
      expect(refused.seen[0]?.fingerprint).to.match(/^sha256:[0-9a-f]{64}$/);
      expect(refused.warnings).to.deep.equal([]);
      await stranger.close();
      const unchecked = telling();
      const denied = await serve(
        '4.14.7',
        { 'POST /agents': problem(403, 'denied', 4000) },
        { identity: certificates().stock },
      );
      const insecure = { trust: { insecure: true }, ...unchecked.told };
      await failure('API_PERMISSION_DENIED', () => obtain(denied.url, asking('web03'), insecure));
      expect(unchecked.seen.map(({ by }) => by)).to.deep.equal(['nothing']);
      expect(unchecked.warnings.join()).to.include('not checked');
    });

    it('plain http that an https port does not answer ends in words', async () => {
      const { url } = await serve('4.14.7', {}, { identity: certificates().server });
      const plain = { trust: { insecure: true } };
      const error = await obtain(url.replace('https:', 'http:'), asking('web03'), plain).catch(
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof EnrollError)) throw new Error(`It ended with ${String(error)}`);
      expect(error.message).to.not.match(/UND_|HPE_/);
      expect(error.hint).to.include('--api-url https://');
      expect(error.exitCode).to.equal(3);
    });
  });

  describe('replaces an agent with --force', () => {
    const forced = { force: true };

    it('3.x: force 0', async () => {
      const { url, seen } = await serve('3.13.6-authd', { 'POST /agents': 'force-replace' });
      await obtain(url, asking('web03', '10.0.0.9'), forced);
      expect(seen.at(-1)?.body).to.deep.equal({ name: 'web03', ip: '10.0.0.9', force: 0 });
    });

    it('4.0 to 4.2: force_time', async () => {
      const info = success({ api_version: '4.2.7' });
      const { url, seen } = await serve('4.3.11', { 'GET /': info, 'POST /agents/insert': 'force-replace' });
      await obtain(url, asking('ins04'), forced);
      expect(seen.at(-1)?.body).to.deep.equal({ name: 'ins04', ip: 'any', force_time: 0 });
    });

    for (const version of ['4.3.11', '4.14.7'] as const) {
      it(`${version}: the force object`, async () => {
        const { url, seen } = await serve(version, { 'POST /agents/insert': 'force-replace' });
        const key = await obtain(url, asking('ins04'), forced);
        expect(key.record.id).to.equal('502');
        expect(seen.at(-1)?.body).to.deep.equal({
          name: 'ins04',
          ip: 'any',
          force: {
            enabled: true,
            disconnected_time: { enabled: false, value: '0' },
            after_registration_time: '0',
          },
        });
      });
    }
  });

  describe('assigns groups', () => {
    const added = { 'POST /agents': 'add-success' } as const;

    it('after the agent was added, and names them in the key', async () => {
      const { url, calls } = await serve('4.14.7', {
        ...added,
        'GET /groups': success({ affected_items: [{ name: 'default' }], failed_items: [] }),
        'PUT /agents/001/group/default': 'group-assign',
      });
      const key = await completed(await obtain(url, asking('web01', undefined, ['default'])));
      expect(key.groups).to.deep.equal(['default']);
      expect(key.warnings).to.deep.equal([]);
      expect(calls.slice(-3)).to.deep.equal([
        'GET /groups?groups_list=default',
        'POST /agents',
        'PUT /agents/001/group/default',
      ]);
    });

    it('3.x', async () => {
      const { url } = await serve('3.13.6-authd', {
        'POST /agents': { status: 200, body: { error: 0, data: keyData('001 web01 any') } },
        'GET /agents/groups': {
          status: 200,
          body: { error: 0, data: { items: [{ name: 'default' }], totalItems: 1 } },
        },
        'PUT /agents/001/group/default': 'group-assign',
      });
      const key = await completed(await obtain(url, asking('web01', undefined, ['default'])));
      expect(key.groups).to.deep.equal(['default']);
    });

    it('but creates no agent for a group that does not exist', async () => {
      const { url, calls } = await serve('4.14.7', { ...added, 'GET /groups': failedItem(1710, 'no group', 'wbe') });
      const error = await failure('GROUP_UNKNOWN', () => obtain(url, asking('web01', undefined, ['wbe'])));
      expect(error.message).to.include('wbe').and.include('No agent was created');
      expect(calls).not.to.include('POST /agents');
    });

    it('3.x: nor there', async () => {
      const { url, calls } = await serve('3.13.6-authd', {
        'GET /agents/groups': {
          status: 200,
          body: { error: 0, data: { items: [{ name: 'default' }], totalItems: 1 } },
        },
      });
      await failure('GROUP_UNKNOWN', () => obtain(url, asking('web01', undefined, ['wbe'])));
      expect(calls).not.to.include('POST /agents');
    });

    it('keeps the key where the permission is missing, and says which', async () => {
      const { url } = await serve('4.14.7', {
        ...added,
        'GET /groups': problem(403, 'Permission denied', 4000),
        'PUT /agents/001/group/web': 'rbac-denied-key',
      });
      const key = await completed(await obtain(url, asking('web01', undefined, ['web'])));
      expect(key.groups).to.deep.equal([]);
      expect(key.warnings.join()).to.include('web').and.include('agent:modify_group');
    });

    it('4.0 to 4.3: keeps the key and says that the agent must connect first (1753)', async () => {
      const { url, calls } = await serve('4.3.11', {
        ...added,
        'GET /groups': success({ affected_items: [], failed_items: [] }),
        'PUT /agents/001/group/default': 'group-assign',
      });
      const key = await completed(await obtain(url, asking('web01', undefined, ['default', 'db'])));
      expect(key.groups).to.deep.equal([]);
      expect(key.warnings).to.have.length(1);
      expect(key.warnings[0]).to.include('default, db').and.include('once the agent has connected');
      expect(calls.filter((call) => call.startsWith('PUT'))).to.have.length(1);
    });

    it('one by one: a failure does not stop the others', async () => {
      const { url } = await serve('4.14.7', {
        ...added,
        'GET /groups': problem(403, 'Permission denied', 4000),
        'PUT /agents/001/group/nosuch': 'group-unknown',
        'PUT /agents/001/group/default': 'group-assign',
        'PUT /agents/001/group/there': failedItem(1751, 'already'),
        'PUT /agents/001/group/odd': problem(400, 'Never seen before', 1799),
      });
      const key = await completed(await obtain(url, asking('web01', undefined, ['nosuch', 'default', 'there', 'odd'])));
      expect(key.groups).to.deep.equal(['default', 'there']);
      expect(key.warnings).to.have.length(2);
      expect(key.warnings[0]).to.include('nosuch').and.include('1710');
      expect(key.warnings[1]).to.include('odd').and.include('Never seen before').and.include('1799');
    });

    it('waits until the manager knows the new agent (1701)', async () => {
      const { url } = await serve('4.14.7', {
        ...added,
        'GET /groups': success({ affected_items: [], failed_items: [] }),
        'PUT /agents/001/group/default': [failedItem(1701, 'Agent does not exist'), 'group-assign'],
      });
      expect((await completed(await obtain(url, asking('web01', undefined, ['default'])))).groups).to.deep.equal([
        'default',
      ]);
    });

    it('keeps the key when the connection breaks meanwhile', async () => {
      const { url } = await serve('4.14.7', {
        ...added,
        'GET /groups': success({ affected_items: [], failed_items: [] }),
        'PUT /agents/001/group/default': (_seen, response) => response.socket?.destroy(),
      });
      const key = await completed(await obtain(url, asking('web01', undefined, ['default', 'db'])));
      expect(key.record.id).to.equal('001');
      expect(key.warnings[0]).to.include('default, db');
    });

    it('refuses a name that would be another path', async () => {
      const { url, seen } = await serve('4.14.7', {});
      for (const name of ['..', '.', 'a/b', 'a b', '', 'a\r\nb']) {
        await failure('GROUP_REFUSED', () => obtain(url, asking('web01', undefined, [name])));
      }
      expect(seen).to.deep.equal([]);
    });
  });

  it('asks again where it was refused for anything but its credentials', async () => {
    const { url } = await serve('4.14.7', { 'POST /agents': [problem(403, 'denied', 4000), 'add-success'] });
    const source = apiSource(options(url));
    expect(source.method).to.equal('api');
    await failure('API_PERMISSION_DENIED', () => source.obtain(asking('web01'), live));
    expect((await source.obtain(asking('web01'), live)).record.name).to.equal('web01');
  });

  it('refuses in words a name that is none', async () => {
    const { message } = await failure('NAME_REFUSED', () => obtain('https://m', asking('a\tb')));
    expect(message).to.equal('"a\\tb" cannot be the name of an agent.');
  });

  it('dials once, by the way it was given, and leaves no connection behind', async () => {
    const { url, port, calls, idle } = await serve('3.13.6-authd', { 'POST /agents': 'add-success' });
    const dialled: unknown[] = [];
    const direct = directDial(2000);
    const dial: Dial = (endpoint, signal) => {
      dialled.push(endpoint);
      return direct(endpoint, signal);
    };
    await obtain(url, asking('web02'), { dial });
    expect(calls).to.deep.equal(['GET /', 'GET /', 'POST /agents']);
    expect(dialled).to.deep.equal([{ host: '127.0.0.1', port }]);
    await idle();
  });

  it('gives up a connection that does not come about', async () => {
    const dial: Dial = (_endpoint, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    const error = await failure('CONNECTION_TIMED_OUT', () =>
      obtain('https://127.0.0.1:1', asking('web02'), { dial, timeoutMs: 50 }),
    );
    expect(error.message).to.include('No connection');
  });

  it('keeps to a path that stands before the API', async () => {
    const { url, calls } = await serve('3.13.6-authd', {
      'GET /wazuh/': 'server-info',
      'POST /wazuh/agents': 'add-success',
    });
    await obtain(`${url}/wazuh/`, asking('web02'));
    expect(calls).to.deep.equal(['GET /wazuh/', 'GET /wazuh/', 'POST /wazuh/agents']);
  });
});

/** `{id, key}` for the beginning of a record. */
function keyData(start: string) {
  return { id: start.split(' ')[0], key: Buffer.from(`${start} ${'ab'.repeat(32)}`).toString('base64') };
}
