import { connect } from 'node:tls';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { Secret } from '../../../src/model/secret.js';
import { authdRefusal, NO_DATABASE } from '../../../src/sandbox/https/answers.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../../src/sandbox/https/certificates.js';
import { type HttpsSandbox, type HttpsSandboxOptions, startHttpsSandbox } from '../../../src/sandbox/https/manager.js';
import { askAuthd } from '../clients.js';
import { tcpOpen } from '../connections.js';
import { EventLog } from '../event-log.js';
import { agentJwt, bearerOfToken, Client, membersOf, WEB_01 } from './client.js';
import { VECTORS } from './vectors.js';

const KEY = 'ab'.repeat(32);
const STARTUP = { type: 'startup', version: 'v5.0.0' };
const QUIET = { type: 'agent-enroll-probe' };

describe('a Wazuh 5 sandbox', () => {
  let certificates: HttpsCertificates;
  let sandbox: HttpsSandbox;
  let client: Client;
  let log: EventLog;

  before(async () => {
    certificates = await issueHttpsCertificates();
  });

  const start = async (options: HttpsSandboxOptions = {}) => {
    log = new EventLog();
    sandbox = await startHttpsSandbox({ certificates, onEvent: log.onEvent, ...options });
    client = new Client(sandbox);
  };
  afterEach(async () => {
    client.close();
    await sandbox.close();
  });

  const token = () => bearerOfToken(sandbox.mintToken().text.reveal());
  const loaded = (agents: number) => log.until((event) => event.type === 'keys loaded' && event.agents === agents);
  const added = async (id = '001') => {
    sandbox.addAgent({ name: `web-${id}`, id, key: new Secret(KEY) });
    await loaded(sandbox.agents().length);
    return id;
  };
  const codeOf = async (id: string, message: object = QUIET, key = KEY) => {
    const reply = await client.control(message, agentJwt(key, id));
    const { code, error } = membersOf(reply?.body);
    return code ?? error ?? reply?.status;
  };

  describe('over its whole journey, as the vectors have it', () => {
    const [journey] = VECTORS.journey;
    if (journey === undefined) throw new Error('no journey');
    const key = String(membersOf(Buffer.from(journey.token, 'base64url').toString())['key']);

    it('says what was written down', async () => {
      // The clock of each JWT in turn; the rest asks for none.
      let at = 0;
      await start({ clock: () => new Date((journey.clock[at] ?? 0) * 1000), keyReloadMs: 60_000 });
      for (const id of ['001', '002']) sandbox.addAgent({ name: `other-${id}`, id });
      sandbox.mintToken({ key: new Secret<Uint8Array>(Buffer.from(key, 'base64url')) });
      let issued = '';
      for (const { what, request, response } of journey.steps) {
        const { Host: _, ...headers } = request.headers;
        const reply = await client.askAt(new URL(request.path, sandbox.url), {
          method: request.method,
          headers,
          body: request.body ?? undefined,
        });
        expect(reply?.status, what).to.equal(response.status);
        if (what.startsWith('fetch the CA')) {
          expect(reply?.body).to.equal(sandbox.ca);
        } else if (what.startsWith('enroll')) {
          issued = response.body;
          const shape = (text: string) => text.replace(/[0-9a-f]{64}/g, 'HEX');
          expect(shape(reply?.body ?? '')).to.equal(shape(response.body));
          // What the JWTs that follow are signed with.
          sandbox.removeAgent('003');
          sandbox.addAgent({ name: 'web-01', id: '003', key: new Secret(String(membersOf(issued)['key'])) });
        } else {
          expect(reply?.body, what).to.equal(response.body);
        }
        expect(reply?.headers['www-authenticate'], what).to.equal(response.headers['WWW-Authenticate']);
        if (request.headers['Authorization'] !== undefined) at += 1;
        if (what.includes('not loaded yet')) {
          await sandbox.stopRemoted();
          await sandbox.startRemoted();
          client.reconnect();
        }
      }
      expect(sandbox.agents().find(({ id }) => id === '003')).to.include({ state: 'disconnected', version: 'v5.0.0' });
    });
  });

  it('refuses the JWTs of the vectors with the class that they name', async () => {
    const refused = VECTORS.jwt_refused.filter(({ answer }) => answer !== undefined);
    expect(refused).to.have.length.above(5);
    await start({ clock: () => new Date(1_760_000_100_000) });
    const [{ agent_id: id = '', client_keys_hex: hex = '' } = {}] = refused;
    sandbox.addAgent({ name: 'web-01', id, key: new Secret(hex) });
    await loaded(1);
    // The same agent is taken with a JWT that has no fault.
    const good = await client.control(QUIET, agentJwt(hex, id, { iat: 1_760_000_100 }));
    expect(good?.body).to.equal('{"error":"unknown_message_type"}');
    for (const { name, agent_id, client_keys_hex, jwt, answer } of refused) {
      expect([agent_id, client_keys_hex]).to.deep.equal([id, hex]);
      expect(membersOf((await client.control(QUIET, `Bearer ${jwt}`))?.body)['code'], name).to.equal(answer);
    }
  });

  describe('keeps what agents say of themselves', () => {
    it('pending after a start-up, disconnected after a shutdown, and nothing of an unknown type', async () => {
      await start({ groups: ['web'] });
      const id = await added();
      const states = () => sandbox.agents().map(({ state, version }) => [state, version]);
      expect(await codeOf(id)).to.equal('unknown_message_type');
      expect(states()).to.deep.equal([['never_connected', undefined]]);
      expect(await codeOf(id, STARTUP)).to.equal(200);
      expect(states()).to.deep.equal([['pending', 'v5.0.0']]);
      expect(await codeOf(id, { type: 'shutdown' })).to.equal(200);
      expect(states()).to.deep.equal([['disconnected', 'v5.0.0']]);
      expect(log.all.flatMap((event) => (event.type === 'state' ? [event.before] : []))).to.deep.equal([
        'never_connected',
        'pending',
      ]);
    });

    it('also a version that it refuses', async () => {
      await start();
      const id = await added();
      for (const version of ['five', 'v5.1.0', '']) {
        expect(await codeOf(id, { type: 'startup', version }), version).to.equal('invalid_version');
        expect(sandbox.agents()[0]).to.include({ state: 'never_connected', version });
      }
      expect(await codeOf(id, { type: 'startup' })).to.equal('invalid_version');
    });
  });

  describe('knows keys as remoted does', () => {
    it('a new one after a delay, and a removed one until then', async () => {
      await start({ keyReloadMs: 30 });
      sandbox.addAgent({ name: 'web-01', id: '001', key: new Secret(KEY) });
      expect(await codeOf('001')).to.equal('unknown_agent');
      await loaded(1);
      expect(await codeOf('001')).to.equal('unknown_message_type');
      sandbox.removeAgent('001');
      expect(await codeOf('001')).to.equal('unknown_message_type');
      await loaded(0);
      expect(await codeOf('001')).to.equal('unknown_agent');
    });

    it('a rotated one as a wrong signature', async () => {
      await start({ keyReloadMs: 1 });
      const id = await added();
      const events = log.all.length;
      const record = sandbox.rotateKey(id);
      await log.until((event) => event.type === 'keys loaded' && log.all.indexOf(event) >= events);
      expect(await codeOf(id)).to.equal('invalid_signature');
      expect(await codeOf(id, QUIET, record?.key.reveal())).to.equal('unknown_message_type');
      expect(sandbox.rotateKey('999')).to.equal(undefined);
    });

    it('one of another address as a wrong signature', async () => {
      await start({ keyReloadMs: 1 });
      sandbox.addAgent({ name: 'web-01', id: '001', ip: '10.9.9.9', key: new Secret(KEY) });
      await loaded(1);
      expect(await codeOf('001')).to.equal('invalid_signature');
    });
  });

  describe('goes wrong on purpose', () => {
    it('over so many requests of a route, in the order of the plan', async () => {
      await start({ faults: [{ route: 'enroll', answer: authdRefusal(9016), times: 2 }] });
      sandbox.interfere({ route: 'enroll', answer: 'lost' });
      const statuses = [];
      for (let at = 0; at < 4; at += 1) statuses.push((await client.enroll(WEB_01, token()))?.status);
      expect(statuses).to.deep.equal([503, 503, undefined, 200]);
      // Other routes have nothing to do with it.
      expect((await client.ask(''))?.status).to.equal(200);
    });

    it('before or after it did what was asked', async () => {
      await start();
      const names = () => sandbox.agents().map(({ name }) => name);
      sandbox.interfere({ route: 'enroll', answer: 'lost', when: 'before' });
      expect(await client.enroll(WEB_01, token())).to.equal(undefined);
      expect(names()).to.deep.equal([]);
      sandbox.interfere({ route: 'enroll', answer: 'lost', when: 'after' });
      expect(await client.enroll(WEB_01, token())).to.equal(undefined);
      expect(names()).to.deep.equal(['web-01']);
      sandbox.interfere({ route: 'enroll', answer: authdRefusal(-1), when: 'after' });
      expect((await client.enroll({ ...WEB_01, name: 'web-02' }, token()))?.status).to.equal(503);
      expect(names()).to.deep.equal(['web-01', 'web-02']);
      const answers = log.all.flatMap((event) => (event.type === 'https request' ? [event.status] : []));
      expect(answers).to.deep.equal([undefined, undefined, 503]);
    });

    it('by silence, until it closes', async () => {
      await start({ faults: [{ route: 'control', answer: 'none' }] });
      const other = new Client(sandbox);
      const asked = client.control(STARTUP);
      await log.until((event) => event.type === 'https request');
      expect(await Promise.race([asked, other.ask('').then(() => 'the other')])).to.equal('the other');
      await sandbox.close();
      expect(await asked).to.equal(undefined);
      other.close();
    });

    it('where its database comes up later', async () => {
      await start();
      const id = await added();
      sandbox.interfere({ route: 'control', answer: NO_DATABASE });
      expect([await codeOf(id, STARTUP), await codeOf(id, STARTUP)]).to.deep.equal(['dependency_unavailable', 200]);
    });
  });

  describe('with an oddity', () => {
    const handshake = (wanted: { ca: string; host: string; port: number }) =>
      new Promise<string>((resolve) => {
        const socket = connect(wanted, () => {
          socket.destroy();
          resolve('trusted');
        });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    const trusts = () => handshake({ ca: sandbox.ca, ...sandbox.endpoints.https });

    it('has a clock of its own', async () => {
      await start({ oddities: ['skewed-clock'], clock: () => new Date('2026-11-25T08:00:00Z') });
      expect((await client.ask(''))?.headers).to.include({ date: 'Wed, 25 Nov 2026 09:00:00 GMT' });
    });

    it('shows a certificate for another host', async () => {
      log = new EventLog();
      sandbox = await startHttpsSandbox({ oddities: ['other-leaf'] });
      expect(await trusts()).to.equal('ERR_TLS_CERT_ALTNAME_INVALID');
    });

    it("has an attacker's CA in its bundle, and shows his certificate", async () => {
      sandbox = await startHttpsSandbox({ oddities: ['hostile-bundle'] });
      const hostile = new Client(sandbox);
      expect(await hostile.ask('cacerts')).to.equal(undefined);
      hostile.close();
      expect(await trusts()).to.match(/UNABLE_TO_VERIFY|SELF_SIGNED/);
      const bundle = await bundleOf(sandbox);
      expect(bundle.startsWith(sandbox.ca)).to.equal(true);
      expect(bundle.match(/BEGIN/g)).to.have.length(2);
      expect(await handshake({ ca: bundle, ...sandbox.endpoints.https })).to.equal('trusted');
    });

    for (const [oddity, status, code] of [
      ['token-revoked', 401, 'token_revoked'],
      ['token-expired', 401, 'token_expired'],
      ['token-used-up', 403, 9024],
      ['rate-limited', 429, 0],
      ['jwt-generation', 401, 'invalid_signature'],
      ['cmac-generation', 401, 401],
    ] as const) {
      it(`refuses its own token: ${oddity}`, async () => {
        await start({ oddities: [oddity] });
        const reply = await client.enroll(WEB_01, token());
        expect([reply?.status, JSON.parse(reply?.body ?? '').error.code]).to.deep.equal([status, code]);
      });
    }

    it('loses an answer, lacks a CA or a database', async () => {
      await start({ oddities: ['lost-answer', 'no-ca', 'database-down'] });
      expect(await client.enroll(WEB_01, token())).to.equal(undefined);
      expect(sandbox.agents()).to.have.length(1);
      expect((await client.ask('cacerts'))?.status).to.equal(404);
      expect(await codeOf(await added('007'), STARTUP)).to.equal('dependency_unavailable');
    });
  });

  describe('has tokens', () => {
    const members = (text: Secret) => membersOf(Buffer.from(text.reveal(), 'base64url').toString());

    it('that name it and its CA', async () => {
      await start();
      const { host, port } = sandbox.endpoints.https;
      const { ver, adr, pin, key } = members(sandbox.mintToken().text);
      expect([ver, adr]).to.deep.equal([1, `${host}:${port}`]);
      expect(`sha256:${Buffer.from(String(pin), 'base64url').toString('hex')}`).to.equal(sandbox.pin);
      expect(Buffer.from(String(key), 'base64url')).to.have.length(32);
      expect(members(sandbox.mintToken({ credential: false }).text)).to.have.all.keys('ver', 'adr', 'pin');
      const embedded = members(sandbox.mintToken({ anchor: 'ca', address: 'siem' }).text);
      expect([embedded['ca'], embedded['adr']]).to.deep.equal([sandbox.ca, 'siem']);
    });

    it('with its prefix, if it is not the stock one', async () => {
      for (const [prefix, tail] of [
        ['/', '/'],
        ['/soc/wazuh/', '/soc/wazuh'],
        ['wazuh-manager', ''],
      ] as const) {
        await start({ prefix });
        expect(members(sandbox.mintToken().text)['adr']).to.equal(`127.0.0.1:${sandbox.endpoints.https.port}${tail}`);
        expect((await client.ask(''))?.status, prefix).to.equal(200);
        client.close();
        await sandbox.close();
      }
    });
  });

  it('replaces its CA while it runs', async () => {
    await start();
    const before = sandbox.pin;
    const others = await issueHttpsCertificates();
    sandbox.replaceCertificates(others);
    const asking = new Client(sandbox);
    const reply = await asking.ask('cacerts');
    asking.close();
    expect([reply?.body, reply?.headers['wazuh-ca-generation']]).to.deep.equal([others.bundle, '1']);
    expect(sandbox.pin).to.not.equal(before);
  });

  it('goes down and comes back on its port, and knows its keys at once', async () => {
    await start({ remoted: 'closed', keyReloadMs: 60_000 });
    const { https } = sandbox.endpoints;
    expect(await tcpOpen(https)).to.equal(false);
    sandbox.addAgent({ name: 'web-01', id: '001', key: new Secret(KEY) });
    await sandbox.startRemoted();
    expect(await codeOf('001')).to.equal('unknown_message_type');
    await sandbox.stopRemoted();
    expect(await tcpOpen(https)).to.equal(false);
    await sandbox.startRemoted();
    client.reconnect();
    expect(await codeOf('001')).to.equal('unknown_message_type');
    await Promise.all([sandbox.close(), sandbox.close()]);
    await sandbox.startRemoted();
    expect(await tcpOpen(https)).to.equal(false);
  });

  it('has the ports of 4.x agents beside it, over one list of agents', async () => {
    await start({ legacy: true, keyReloadMs: 1 });
    const { authd, agent } = sandbox.endpoints;
    if (authd === undefined || agent === undefined) throw new Error('no legacy ports');
    const { records } = await askAuthd(authd, ["OSSEC A:'web-01'\n"], { max: 'TLSv1.3' });
    expect((await askAuthd(authd, ["OSSEC A:'web-02'\n"])).records, 'over TLS 1.2').to.deep.equal([]);
    const key = /^OSSEC K:'001 web-01 any ([0-9a-f]{64})'$/.exec(records.join(''))?.[1];
    await loaded(1);
    // Its keys work on HTTPS too.
    expect(await codeOf('001', QUIET, key)).to.equal('unknown_message_type');
    expect(sandbox.agents()).to.have.length(1);
    expect(sandbox.agents()[0]).to.include({ reenrollable: false });
    expect(await tcpOpen(agent)).to.equal(true);
  });

  it('refuses a prefix that is none, a host that is not loopback, and what its signal says', async () => {
    await start();
    const why = async (options: HttpsSandboxOptions, signal?: AbortSignal) => {
      try {
        await (await startHttpsSandbox({ certificates, ...options }, signal)).close();
        return 'started';
      } catch (thrown) {
        return thrown instanceof EnrollError ? thrown.code : thrown;
      }
    };
    const port = sandbox.endpoints.https.port;
    expect(await why({ prefix: 'a b' })).to.equal('SETTING_INVALID');
    expect(await why({ ports: { https: port } })).to.equal('SETTING_INVALID');
    expect(await why({}, AbortSignal.abort(new EnrollError('INTERRUPTED', 'x')))).to.equal('INTERRUPTED');
    const abort = new AbortController();
    const other = await startHttpsSandbox({ certificates }, abort.signal);
    abort.abort();
    await other.close();
    expect(await tcpOpen(other.endpoints.https)).to.equal(false);
  });
});

/** What `/cacerts` gives to one who verifies nothing. */
function bundleOf({ endpoints, url }: HttpsSandbox): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...endpoints.https, rejectUnauthorized: false }, () => {
      socket.write(`GET ${new URL(url).pathname}/cacerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    });
    let got = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      got += text;
    });
    socket.on('end', () => resolve(got.slice(got.indexOf('\r\n\r\n') + 4)));
    socket.on('error', reject);
  });
}
