import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { failure } from '../../net/expect-error.js';
import { type ApiServer, failedItem, managerApi, problem, type Step, success, type Version } from './api-server.js';
import { asking, obtainPlainly as obtain } from './setting.js';

const V3 = '3.13.6-authd';

function agents(...items: Record<string, unknown>[]) {
  return success({ affected_items: items, failed_items: [] });
}

function claiming(text: string) {
  return { 'GET /': success({ api_version: text, timestamp: '2026-11-22T05:23:31Z' }) };
}

describe('the traps of the APIs', () => {
  let server: ApiServer | undefined;
  const serve = async (version: Version, routes: Parameters<typeof managerApi>[1]) => {
    server = await managerApi(version, routes, { plain: true });
    return server;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('an agent called restart is added by POST, never by PUT, which would restart every agent', async () => {
    const key = Buffer.from(`009 restart any ${'ab'.repeat(32)}`).toString('base64');
    const { url, calls } = await serve(V3, {
      'POST /agents': { status: 200, body: { error: 0, data: { id: '009', key } } },
    });
    expect((await obtain(url, asking('restart'))).record.name).to.equal('restart');
    expect(calls.filter((call) => call.startsWith('PUT'))).to.deep.equal([]);
  });

  it('the content type of 3.x bears no charset', async () => {
    const { url, seen } = await serve(V3, { 'POST /agents': 'add-success' });
    await obtain(url, asking('web02'));
    expect(seen.at(-1)?.headers['content-type']).to.equal('application/json');
  });

  it('an error code that is a text (3.x, 607) is read as a number', async () => {
    const { url } = await serve(V3, { 'POST /agents': 'wrong-content-type' });
    const error = await failure('REQUEST_REFUSED', () => obtain(url, asking('web02')));
    expect(error.message).to.include('error 607');
  });

  for (const address of ['ANY', 'Any', 'any']) {
    it(`${address} goes out in lower case`, async () => {
      const { url, seen } = await serve('4.14.7', { 'POST /agents': 'add-success' });
      await obtain(url, asking('web01', address));
      expect(seen.at(-1)?.body).to.deep.equal({ name: 'web01', ip: 'any' });
    });
  }

  for (const text of ['4.0.4', '4.3.11']) {
    it(`an IPv6 address is not sent to ${text}, whose authd would exit`, async () => {
      const { url, calls } = await serve('4.3.11', claiming(text));
      const error = await failure('IP_REFUSED', () => obtain(url, asking('web01', 'fe80::1')));
      expect(error.message).to.include(text).and.include('Nothing was sent');
      expect(calls.at(-1)).to.equal('GET /');
    });
  }

  it('nor to 3.x', async () => {
    const { url, calls } = await serve(V3, {});
    await failure('IP_REFUSED', () => obtain(url, asking('web01', '2001:db8::1')));
    expect(calls).not.to.include('POST /agents');
  });

  it('4.4 and later get it, and may write it in another way', async () => {
    const stored = '2001:0DB8:0000:0000:0000:0000:0000:0001';
    const key = Buffer.from(`009 web01 ${stored} ${'ab'.repeat(32)}`).toString('base64');
    const { url } = await serve('4.14.7', { ...claiming('4.4.0'), 'POST /agents': success({ id: '009', key }) });
    expect((await obtain(url, asking('web01', '2001:db8::1'))).record.ip).to.equal(stored);
  });

  it('a range is not sent to 4.0 to 4.8', async () => {
    for (const text of ['4.0.4', '4.8.2']) {
      const { url, calls } = await serve('4.3.11', claiming(text));
      await failure('IP_REFUSED', () => obtain(url, asking('web05', '10.1.0.0/16')));
      expect(calls).not.to.include('POST /agents');
      await server?.close();
    }
    server = undefined;
  });

  for (const recording of [V3, '4.14.7'] as const) {
    it(`a range goes out without its host bits, which 4.14 refuses (${recording})`, async () => {
      const { url, seen } = await serve(recording, { 'POST /agents': 'add-success-cidr' });
      const key = await obtain(url, asking('web05', '10.1.2.3/255.255.0.0'));
      expect(seen.at(-1)?.body).to.deep.equal({ name: 'web05', ip: '10.1.0.0/16' });
      expect(key.record.ip).to.equal('10.1.0.0/16');
    });
  }

  it('the address that the manager sees: 3.x takes it where ip is left out', async () => {
    const { url, seen } = await serve(V3, { 'POST /agents': 'add-auto-ip' });
    const key = await obtain(url, { name: 'web06', ip: { kind: 'source' }, groups: [] });
    expect(seen.at(-1)?.body).to.deep.equal({ name: 'web06' });
    expect(key.record.ip).to.equal('127.0.0.1');
    expect(key.warnings).to.deep.equal([]);
  });

  it('4.x cannot do that, and the user is told', async () => {
    const { url, seen } = await serve('4.14.7', { 'POST /agents': 'add-success' });
    const key = await obtain(url, { name: 'web01', ip: { kind: 'source' }, groups: [] });
    expect(seen.at(-1)?.body).to.deep.equal({ name: 'web01', ip: 'any' });
    expect(key.warnings.join()).to.include('--ip source');
  });

  it('a success of HTTP 200 that is a failure of 4.x creates no key', async () => {
    const { url } = await serve('4.14.7', { 'POST /agents': failedItem(1705, 'There is an agent with the same name') });
    await failure('NAME_DUPLICATE', () => obtain(url, asking('web01')));
  });

  describe('1706 has two meanings', () => {
    it('another agent has the address: it is named', async () => {
      const { url, calls } = await serve('4.14.7', {
        'POST /agents': 'duplicate-ip',
        'GET /agents': agents({ id: '005', name: 'web03', registerIP: '10.0.0.9', status: 'never_connected' }),
      });
      const error = await failure('IP_DUPLICATE', () => obtain(url, asking('web04', '10.0.0.9')));
      expect(error.message).to.include('agent 005 (web03, 10.0.0.9), never connected');
      expect(calls.at(-1)).to.equal('GET /agents?registerIP=10.0.0.9');
    });

    it('the manager itself has the address: nobody is told to remove it, seen or not', async () => {
      const manager = agents({ id: '000', name: 'wazuh', registerIP: '127.0.0.1', status: 'active' });
      for (const found of [manager, 'rbac-filtered-list'] as const) {
        const { url, close } = await serve('4.14.7', { 'POST /agents': 'duplicate-ip', 'GET /agents': found });
        const error = await failure('IP_DUPLICATE', () => obtain(url, asking('web04', '127.0.0.1')));
        expect(error.message).to.include('the manager itself');
        expect(error.hint)
          .to.include('--ip any')
          .and.not.match(/remove|--force/i);
        await close();
      }
    });

    it('an IPv6 address is looked up as the manager writes it', async () => {
      const stored = '2001:0DB8:0000:0000:0000:0000:0000:0001';
      const { url, calls } = await serve('4.14.7', {
        'POST /agents': problem(400, 'There is an agent with the same IP or the IP is invalid', 1706),
        'GET /agents': agents({ id: '005', name: 'web03', registerIP: stored }),
      });
      const error = await failure('IP_DUPLICATE', () => obtain(url, asking('web04', '2001:db8::1')));
      expect(error.message).to.include('agent 005');
      expect(decodeURIComponent(calls.at(-1) ?? '')).to.equal(`GET /agents?registerIP=${stored}`);
    });

    it('an invalid one is never sent', async () => {
      const { url, calls } = await serve('4.14.7', { 'POST /agents': 'invalid-ip' });
      for (const address of ['10.0.0.999', '10.0.0.9;x', '10.0.0.0/33', 'fe80::1%eth0', '', '10.0.0.1 10.0.0.2']) {
        await failure('IP_REFUSED', () => obtain(url, asking('web08', address)));
      }
      expect(calls).not.to.include('POST /agents');
    });

    it('where the API user sees no agents, the doubt is told', async () => {
      const { url } = await serve('4.14.7', { 'POST /agents': 'duplicate-ip', 'GET /agents': 'rbac-filtered-list' });
      const error = await failure('IP_DUPLICATE', () => obtain(url, asking('web04', '10.0.0.9')));
      expect(error.message).to.include('same code');
    });
  });

  describe('an agent of that name exists', () => {
    it('it is told which, with its last state', async () => {
      const { url } = await serve('4.14.7', {
        'POST /agents': 'duplicate-name',
        'GET /agents': agents({
          id: '001',
          name: 'web01',
          registerIP: 'any',
          status: 'disconnected',
          lastKeepAlive: '2026-11-22T05:20:45Z',
        }),
      });
      const error = await failure('NAME_DUPLICATE', () => obtain(url, asking('web01')));
      expect(error.message).to.include('agent 001 (web01, any), disconnected, last seen 2026-11-22T05:20:45Z');
      expect(error.hint).to.include('--force').and.include('agent 001');
    });

    it('3.x', async () => {
      const { url, calls } = await serve(V3, {
        'POST /agents': 'duplicate-name',
        'GET /agents/name/web01': 'find-by-name',
      });
      const error = await failure('NAME_DUPLICATE', () => obtain(url, asking('web01', '10.0.0.10')));
      expect(error.message).to.include('agent 001 (web01, any), never connected, registered 2026-11-22 05:20:45');
      expect(calls.at(-1)).to.equal('GET /agents/name/web01');
    });

    it('the search knows no case: WEB01 is not web01', async () => {
      const { url } = await serve('4.14.7', {
        'POST /agents': 'duplicate-name',
        'GET /agents': agents({ id: '044', name: 'WEB01' }, { id: '001', name: 'web01' }),
      });
      const error = await failure('NAME_DUPLICATE', () => obtain(url, asking('web01')));
      expect(error.message).to.include('agent 001').and.not.include('044');
    });

    for (const step of ['rbac-filtered-list', problem(500, 'broken'), 'token-expired'] satisfies Step[]) {
      it(`without what the look-up would tell it is still a duplicate (${JSON.stringify(step).slice(0, 24)})`, async () => {
        const { url } = await serve('4.14.7', { 'POST /agents': 'duplicate-name', 'GET /agents': step });
        const error = await failure('NAME_DUPLICATE', () => obtain(url, asking('web01')));
        expect(error.exitCode).to.equal(5);
        expect(error.managerSaid).to.include('same name: web01');
      });
    }
  });

  describe('every refusal has its code', () => {
    const cases: readonly (readonly [Version, Step, string, string])[] = [
      [V3, 'duplicate-name', 'NAME_DUPLICATE', '9008'],
      [V3, 'duplicate-ip', 'IP_DUPLICATE', '9007'],
      [V3, 'duplicate-id', 'MANAGER_FAULT', '9012'],
      [V3, 'invalid-name', 'NAME_REFUSED', '601'],
      [V3, 'name-too-long', 'NAME_REFUSED', '1738'],
      [V3, 'invalid-ip', 'IP_REFUSED', '606'],
      [V3, 'missing-name', 'REQUEST_REFUSED', '604'],
      [V3, 'not-found', 'NOT_API', '603'],
      [V3, { status: 200, body: { error: 1705, message: 'same name' } }, 'NAME_DUPLICATE', '1705'],
      [V3, { status: 200, body: { error: 1726, message: 'only authd' } }, 'MANAGER_FAULT', 'authd'],
      [V3, { status: 400, body: { error: 800, message: 'no X-Forwarded-For' } }, 'IP_REFUSED', 'proxy'],
      ['4.3.11', 'add-success-cidr', 'IP_REFUSED', '10.1.0.0/16'],
      ['4.3.11', 'invalid-name', 'NAME_REFUSED', 'bad name'],
      ['4.14.7', 'duplicate-name', 'NAME_DUPLICATE', '1705'],
      ['4.14.7', 'duplicate-id', 'MANAGER_FAULT', '1708'],
      ['4.14.7', 'name-too-long', 'NAME_REFUSED', '1738'],
      ['4.14.7', 'invalid-ip-chars', 'IP_REFUSED', 'HTTP 400'],
      ['4.14.7', 'unknown-field', 'REQUEST_REFUSED', 'Invalid field found'],
      ['4.14.7', 'wrong-content-type', 'REQUEST_REFUSED', '6002'],
      ['4.14.7', 'rbac-denied-add', 'API_PERMISSION_DENIED', '4000'],
      ['4.14.7', 'authd-down', 'MANAGER_FAULT', 'authd does not run'],
      ['4.14.7', problem(400, 'Never seen before', 1799), 'REQUEST_REFUSED', 'Never seen before" (error 1799)'],
      ['4.14.7', problem(413, 'Too large'), 'REQUEST_REFUSED', 'Too large" (HTTP 413)'],
      ['4.14.7', { status: 403, headers: {}, body: '<html>no</html>' }, 'REQUEST_REFUSED', 'HTTP 403'],
    ];
    for (const [recording, step, code, said] of cases) {
      it(`${recording} ${JSON.stringify(step).slice(0, 40)}: ${code}`, async () => {
        const { url, calls } = await serve(recording, { 'POST /agents': step });
        let thrown: unknown;
        try {
          await obtain(url, asking('web09', '10.0.0.9'), {});
        } catch (error) {
          thrown = error;
        }
        if (recording === '4.3.11' && step === 'add-success-cidr') expect(calls).to.include('POST /agents');
        expect(thrown).to.have.property('code', code);
        expect(thrown).to.have.property('message').that.includes(said);
        expect(calls.filter((call) => call.startsWith('POST /agents'))).to.have.length(1);
      });
    }
  });

  it('a name that no manager takes is not sent', async () => {
    const { url, seen } = await serve('4.14.7', {});
    for (const name of ['a', '.web', 'web 01', 'web/01', 'x'.repeat(129), 'a%2fb']) {
      await failure('NAME_REFUSED', () => obtain(url, asking(name)));
    }
    expect(seen).to.deep.equal([]);
  });
});
