import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { enrollJwt } from '../../../src/model/manager-jwt.js';
import { Secret } from '../../../src/model/secret.js';
import { directDial } from '../../../src/net/connect.js';
import { proxyDial } from '../../../src/net/proxy.js';
import { trustOfToken } from '../../../src/obtain/https/anchor.js';
import { httpsSource } from '../../../src/obtain/https/source.js';
import { decodeToken } from '../../../src/obtain/https/token.js';
import { certificates } from '../../net/certificates.js';
import { connectProxy } from '../../net/connect-proxy.js';
import { failure } from '../../net/expect-error.js';
import { tlsServer } from '../../net/tls-server.js';
import { wazuh5 } from '../../wazuh5.js';
import {
  cacerts,
  enrollRefusal,
  type ManagerServer,
  managerServer,
  pinOf,
  remoted,
  write,
} from '../../wazuh5-manager.js';
import { caPin, issued, obtain, options, PASSWORD, REENROLL, TOKEN, WEB01 } from './setting.js';

const live = new AbortController().signal;
/** A certificate as this program writes it. */
const pem = (text: string) => text.replaceAll('\r', '');

describe('httpsSource', () => {
  let server: ManagerServer | undefined;
  const serve = async (...args: Parameters<typeof managerServer>) => {
    server = await managerServer(...args);
    return server;
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('gets a key by the password', async () => {
    const at = await serve({ 'POST enroll': issued() });
    const key = await obtain(at, { clock: () => 1_760_000_007_500 });
    expect({ ...key.record, key: key.record.key.reveal() }).to.deep.equal({
      id: '003',
      name: 'web-01',
      ip: 'any',
      key: 'ab'.repeat(32),
    });
    expect(key).to.include({ method: 'https', family: 'wazuh-5' });
    expect(key.trust?.by).to.equal('ca');
    expect(key.belongings?.anchor).to.equal(certificates().ca.certificate);
    expect(key.belongings?.reenroll?.secret.reveal()).to.equal('cd'.repeat(32));
    expect(key.warnings).to.deep.equal([]);
    const [post] = at.arrived;
    expect(post?.path).to.equal('/wazuh-manager/enroll');
    expect(post?.body).to.deep.equal({ name: 'web-01', version: 'v5.0.0', ip: 'any' });
    const jwt = enrollJwt(PASSWORD, { iat: 1_760_000_007, jti: Buffer.alloc(16, 1) });
    expect(post?.headers).to.include({
      'protocol-version': '1',
      'content-type': 'application/json',
      authorization: `Bearer ${jwt.reveal()}`,
    });
    expect(post?.headers).not.to.have.any.keys('expect', 'content-encoding', 'transfer-encoding', 'cookie');
    // A header that is there twice is one too many for remoted.
    for (const name of ['protocol-version', 'content-type', 'authorization', 'host']) {
      expect(at.wire.get(1)?.toLowerCase().split(`\r\n${name}:`), name).to.have.length(2);
    }
  });

  it('shows nothing where it has no credential', async () => {
    const at = await serve({ 'POST enroll': issued({ reenroll_secret: undefined }) });
    const { credential: _, ...rest } = options(at);
    const key = await httpsSource(rest).obtain(WEB01, live);
    expect(at.arrived[0]?.headers.authorization).to.equal(undefined);
    expect(at.arrived[0]?.headers['protocol-version']).to.equal('1');
    expect(key.belongings?.reenroll).to.equal(undefined);
  });

  it('goes through the known journey: the CA by its pin, then the key', async () => {
    const [journey] = wazuh5.journey;
    const steps = journey?.steps ?? [];
    const decoded = decodeToken(new Secret(journey?.token ?? ''));
    if (journey === undefined || !decoded.ok) throw new Error('no journey');
    const { token } = decoded;
    const enroll = steps.find(({ request }) => request.path.endsWith('/enroll'));
    const bundle = steps.find(({ request }) => request.path.endsWith('/cacerts'))?.response.body ?? '';
    // The CA of the known journey has no key here: that of the test's own server stands for it.
    const at = await serve({
      'GET cacerts': cacerts(bundle, certificates().ca.certificate),
      'POST enroll': { status: 200, headers: enroll?.response.headers ?? {}, body: enroll?.response.body },
    });
    const key = await obtain(at, {
      ...(token.credential === undefined ? {} : { credential: token.credential }),
      trust: caPin(),
      clock: () => (journey.clock[0] ?? 0) * 1000,
      jti: () => Buffer.from(journey.jti_hex[0] ?? '', 'hex'),
    });
    expect(at.arrived[1]?.headers.authorization).to.equal(enroll?.request.headers['Authorization']);
    expect(at.arrived[1]?.body).to.deep.equal(JSON.parse(enroll?.request.body ?? ''));
    const { id, name, ip, key: text } = key.record;
    expect(`${id} ${name} ${ip} ${text.reveal()}\n`).to.equal(journey.files_after['etc/client.keys']);
    expect(key.belongings?.anchor).to.equal(pem(certificates().ca.certificate));
  });

  describe('trusts the manager before it shows a credential', () => {
    it('by the pin of its CA, fetched over a connection that carries nothing and is another one', async () => {
      const { ca, strangerCa } = certificates();
      const at = await serve({
        'GET cacerts': cacerts(strangerCa.certificate, '## text\n', ca.certificate),
        'POST enroll': issued(),
      });
      const key = await obtain(at, { credential: TOKEN, trust: caPin() });
      expect(key.belongings?.anchor).to.equal(pem(ca.certificate));
      expect(at.arrived.map(({ method, path, connection }) => [method, path, connection])).to.deep.equal([
        ['GET', '/wazuh-manager/cacerts', 1],
        ['POST', '/wazuh-manager/enroll', 2],
      ]);
      expect(at.wire.get(1)).to.match(/^GET /);
      expect(at.wire.get(1)).not.to.match(/authorization|cookie|protocol-version|bearer|web-01/i);
    });

    it('by a CA that a token holds, with no look beforehand', async () => {
      const { ca } = certificates();
      const at = await serve({ 'POST enroll': issued() });
      const token = { manager: at.manager, anchor: { kind: 'ca', ca: ca.certificate }, credential: TOKEN } as const;
      await obtain(at, { credential: TOKEN, trust: trustOfToken(token) });
      expect(at.arrived.map(({ path }) => path)).to.deep.equal(['/wazuh-manager/enroll']);
    });

    it('by a pin that is its CA’s, or its own', async () => {
      const { ca, server: leaf } = certificates();
      const pin = (certificate: string) =>
        ({ kind: 'settings', settings: { pin: pinOf(certificate), insecure: false } }) as const;
      const at = await serve({ 'GET cacerts': cacerts(ca.certificate), 'POST enroll': issued() });
      const byCa = await obtain(at, { trust: pin(ca.certificate) });
      expect([byCa.trust?.by, byCa.belongings?.anchor]).to.deep.equal(['ca', pem(ca.certificate)]);
      const byLeaf = await obtain(at, { trust: pin(leaf.certificate) });
      expect([byLeaf.trust?.by, byLeaf.belongings?.anchor]).to.deep.equal(['pin', undefined]);
    });

    it('by first use, which is said', async () => {
      const at = await serve({ 'POST enroll': issued() });
      const told: string[] = [];
      const key = await obtain(at, {
        trust: { kind: 'settings', settings: { insecure: false } },
        onWarning: (text) => told.push(text),
        onCertificate: ({ by }) => told.push(by),
      });
      expect(key.trust?.by).to.equal('first use');
      expect(told[0]).to.equal('first use');
      expect(told[1]).to.include('first use');
      expect(told).to.have.length(2);
    });

    it('and tells of the certificate that counts, not of one that nobody looked at', async () => {
      const at = await serve({ 'GET cacerts': cacerts(certificates().ca.certificate), 'POST enroll': issued() });
      const seen: string[] = [];
      await obtain(at, { credential: TOKEN, trust: caPin(), onCertificate: ({ by }) => seen.push(by) });
      expect(seen).to.deep.equal(['ca']);
    });
  });

  describe('shows no credential to', () => {
    const untrusted = async (
      what: string,
      identity: ReturnType<typeof certificates>['server'],
      code: EnrollError['code'],
      bundle = certificates().ca.certificate,
    ) => {
      const at = await serve({ 'GET cacerts': cacerts(bundle), 'POST enroll': issued() }, { identity });
      for (const credential of [PASSWORD, TOKEN, REENROLL]) {
        const error = await failure(code, () => obtain(at, { credential, trust: caPin() }));
        expect(error.exitCode, what).to.equal(4);
      }
      expect([...at.wire.values()].join(), what).not.to.match(/authorization|bearer|enroll HTTP/i);
    };

    it('a server of another CA that shows the right one', () =>
      untrusted('stranger', certificates().byStranger, 'CERTIFICATE_UNTRUSTED'));
    it('a server of the right CA with the name of another host', () =>
      untrusted('name', certificates().otherName, 'CERTIFICATE_NAME_MISMATCH'));
    it('a server whose certificate names no host', () =>
      untrusted('nameless', certificates().nameless, 'CERTIFICATE_NAME_MISMATCH'));
    it('a server whose certificate has expired', () =>
      untrusted('expired', certificates().expired, 'CERTIFICATE_EXPIRED'));
    it('a server that adds its own CA', () =>
      untrusted(
        'added',
        certificates().byStranger,
        'CERTIFICATE_UNTRUSTED',
        `${certificates().strangerCa.certificate}${certificates().ca.certificate}${certificates().strangerCa.certificate}`,
      ));
    it('a server that publishes another CA alone', () =>
      untrusted('other CA', certificates().byStranger, 'PIN_MISMATCH', certificates().strangerCa.certificate));
    it('a server in TLS 1.2', async () => {
      const at = await serve({ 'POST enroll': issued() }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
      const error = await failure('TLS_FAILED', () => obtain(at));
      expect(error.message).to.include('TLS 1.3');
      expect(at.wire.size).to.equal(0);
    });
    it('whom a redirect names', async () => {
      const at = await serve({
        'POST enroll': { status: 307, headers: { location: 'https://elsewhere.example/enroll' }, body: '' },
      });
      const error = await failure('NOT_MANAGER', () => obtain(at));
      expect(error.message).to.include('https://elsewhere.example');
      expect(error.cause).to.have.property('because', 'redirect');
      expect(at.arrived).to.have.length(1);
    });
  });

  describe('asks for the CA again', () => {
    it('where the manager is not ready with it', async () => {
      const at = await serve({
        'GET cacerts': [
          remoted(429, { error: 'rate_limited' }, { 'retry-after': '3' }),
          remoted(503, { error: 'ca_mismatch' }),
          cacerts(certificates().ca.certificate),
        ],
        'POST enroll': issued(),
      });
      const setting = options(at, { credential: TOKEN, trust: caPin() });
      await httpsSource(setting).obtain(WEB01, live);
      expect(setting.waits[0]).to.equal(3000);
      expect(setting.waits).to.have.length(2);
    });

    it('not where there is none, nor where it is another, nor without end', async () => {
      const at = await serve({
        'GET cacerts': [
          remoted(404, { error: 'not_found' }),
          { status: 404, body: { error: 'not_found' } },
          { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
          { status: 200, headers: {}, body: 'x'.repeat(70_000) },
        ],
      });
      for (const code of ['CERTIFICATE_UNTRUSTED', 'NOT_MANAGER', 'NOT_MANAGER', 'NOT_MANAGER'] as const) {
        await failure(code, () => obtain(at, { credential: TOKEN, trust: caPin() }));
      }
      expect(at.arrived.filter(({ method }) => method === 'GET')).to.have.length(4);
    });
  });

  it('says which pre-release it is that publishes no CA', async () => {
    const unsigned = { status: 401, headers: { server: 'wazuh-manager-remoted' }, body: { error: 'x', code: 401 } };
    const challenge = { ...unsigned, headers: { ...unsigned.headers, 'www-authenticate': 'Bearer' } };
    const at = await serve({ 'POST control': [unsigned, challenge] });
    const token = { credential: TOKEN, trust: caPin() };
    expect((await failure('MANAGER_UNSUPPORTED', () => obtain(at, token))).message).to.include('AES-CMAC');
    expect((await failure('MANAGER_UNSUPPORTED', () => obtain(at, token))).message).to.include('too old for');
    expect([...at.wire.values()].join()).not.to.match(/authorization|bearer/i);
  });

  it('refuses a token whose CA is none', async () => {
    for (const ca of ['', 'x', `${certificates().ca.certificate}\0`]) {
      await failure('SETTING_INVALID', () => trustOfToken({ anchor: { kind: 'ca', ca } }));
    }
  });

  describe('asks for the key again', () => {
    const stale = enrollRefusal(401, 'stale_token');
    const dated = (date: string) => remoted(401, { error: { code: 'stale_token', message: 'x' } }, { date });

    it('once with the time of the manager, and a token of its own', async () => {
      const at = await serve({ 'POST enroll': [dated('Thu, 09 Oct 2025 10:01:40 GMT'), issued()] });
      const setting = options(at, { clock: () => 1_760_000_500_000 });
      await httpsSource(setting).obtain(WEB01, live);
      const jwts = at.arrived.map(({ headers }) => headers.authorization?.slice('Bearer '.length));
      expect(jwts).to.deep.equal([
        enrollJwt(PASSWORD, { iat: 1_760_000_500, jti: Buffer.alloc(16, 1) }).reveal(),
        enrollJwt(PASSWORD, { iat: 1_760_004_100, jti: Buffer.alloc(16, 2) }).reveal(),
      ]);
      expect(setting.waits).to.deep.equal([]);
    });

    it('with a stale token for a minute, and not for ever', async () => {
      const at = await serve({ 'POST enroll': stale });
      const setting = options(at);
      await failure('CLOCK_REFUSED', () => httpsSource(setting).obtain(WEB01, live));
      const waited = setting.waits.reduce((sum, ms) => sum + ms, 0);
      expect(waited).to.be.within(45_000, 60_000);
    });

    it('not with a wrong password, where the clock is right', async () => {
      const at = await serve({ 'POST enroll': enrollRefusal(401, 'invalid_signature') });
      await failure('PASSWORD_REFUSED', () => obtain(at));
      expect(at.arrived).to.have.length(1);
    });

    it('once with a wrong password, where the clock is not', async () => {
      const wrong = remoted(
        401,
        { error: { code: 'invalid_signature', message: 'x' } },
        { date: 'Thu, 09 Oct 2025 10:01:40 GMT' },
      );
      const at = await serve({ 'POST enroll': wrong });
      await failure('PASSWORD_REFUSED', () => obtain(at));
      expect(at.arrived).to.have.length(2);
    });

    it('with a token that a worker gets later', async () => {
      const unknown = enrollRefusal(401, 'token_unknown');
      const at = await serve({ 'POST enroll': [unknown, unknown, unknown, issued()] });
      const key = await obtain(at, { credential: TOKEN });
      expect(key.record.id).to.equal('003');
    });

    it('as soon as the manager wants', async () => {
      const busy = remoted(429, { error: { code: 0, message: 'later' } }, { 'retry-after': '7' });
      const at = await serve({ 'POST enroll': [busy, issued()] });
      const setting = options(at);
      await httpsSource(setting).obtain(WEB01, live);
      expect(setting.waits).to.deep.equal([7000]);
    });

    it('not where that would take too long, nor for longer than one timeout without retries', async () => {
      const busy = remoted(429, { error: { code: 0, message: 'later' } }, { 'retry-after': '3600' });
      const at = await serve({ 'POST enroll': [busy, enrollRefusal(401, 'token_unknown')] });
      await failure('MANAGER_NOT_READY', () => obtain(at));
      const setting = options(at, { credential: TOKEN, retries: 0 });
      await failure('TOKEN_REFUSED', () => httpsSource(setting).obtain(WEB01, live));
      expect(setting.waits.reduce((sum, ms) => sum + ms, 0)).to.be.at.most(2000);
    });

    it('once where its encoding was not taken', async () => {
      const at = await serve({ 'POST enroll': enrollRefusal(415, 0, 'Unsupported Content-Encoding') });
      await failure('REQUEST_REFUSED', () => obtain(at));
      expect(at.arrived).to.have.length(2);
    });

    it('not where what came of it is unknown', async () => {
      const at = await serve({
        'POST enroll': [
          enrollRefusal(503, -1),
          (_arrived, response) => response.destroy(),
          (_arrived, response) => {
            response.writeHead(200, { 'content-length': '500' });
            response.write('{"id":"003"');
            response.destroy();
          },
          () => {},
          remoted(200, '{"id":'),
        ],
      });
      for (const code of ['ANSWER_LOST', 'ANSWER_LOST', 'ANSWER_LOST', 'ANSWER_LOST', 'REPLY_INVALID'] as const) {
        const error = await failure(code, () => obtain(at, { timeoutMs: 300 }));
        expect(error.exitCode).to.equal(8);
      }
      expect(at.arrived).to.have.length(5);
    });
  });

  describe('says what it did', () => {
    const insecure = { kind: 'settings', settings: { insecure: true } } as const;
    const exposed = (by: string) =>
      new RegExp(
        `^What is signed with the credential was shown to a manager whose certificate nothing vouched for \\(${by}\\); a weak password can be guessed from it\\. Use --ca or --pin sha256:[0-9a-f]{64}\\.$`,
      );

    for (const [by, settings] of [
      ['not checked', { insecure: true, pin: '0'.repeat(64) }],
      ['first use', { insecure: false }],
    ] as const) {
      it(`with a credential that anybody may have seen (${by}), once, and looks for no CA`, async () => {
        const at = await serve({ 'POST enroll': [enrollRefusal(503, 9016), issued({ reenroll_secret: undefined })] });
        const told: string[] = [];
        const trust = { kind: 'settings', settings } as const;
        const key = await obtain(at, { trust, onWarning: (text) => told.push(text) });
        expect(told).to.have.length(1);
        expect(told[0]).to.match(exposed(by));
        expect(at.arrived.map(({ path }) => path)).to.deep.equal(['/wazuh-manager/enroll', '/wazuh-manager/enroll']);
        expect(key.belongings).to.deep.equal({ manager: at.manager });
        await obtain(at, { trust });
      });
    }

    it('where nothing was shown: nothing', async () => {
      const at = await serve({ 'POST enroll': issued() });
      const told: string[] = [];
      const { credential: _, ...rest } = options(at, { trust: insecure, onWarning: (text) => told.push(text) });
      await httpsSource(rest).obtain(WEB01, live);
      await obtain(at, { onWarning: (text) => told.push(text) });
      expect(told).to.deep.equal([]);
    });

    it('of an agent that it renewed', async () => {
      const at = await serve({ 'POST enroll': [issued(), issued({ id: '004' }), issued({ ip: '10.0.0.0/8' })] });
      expect((await obtain(at, { credential: REENROLL })).warnings).to.deep.equal([]);
      expect((await obtain(at, { credential: REENROLL })).warnings).to.deep.equal([
        'The manager gave this agent another id than it had: 004, and not 003.',
      ]);
      const { warnings, method } = await obtain(at, { credential: REENROLL });
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.include('kept the address of this agent, 10.0.0.0/8');
      expect([method, httpsSource(options(at)).method]).to.deep.equal(['https', 'https']);
    });

    it('of a request whose answer is lost or none', async () => {
      const at = await serve({
        'POST enroll': [
          (_arrived, response) => response.destroy(),
          { ...issued(), headers: { 'content-encoding': 'gzip' } },
        ],
      });
      for (const code of ['ANSWER_LOST', 'REPLY_INVALID'] as const) {
        const error = await failure(code, () => obtain(at));
        expect(error.message).to.match(/\. The request for the agent had been sent by then\.$/);
        expect(error.cause, code).to.be.instanceOf(Error);
      }
    });

    it('of who is no manager', async () => {
      const at = await serve({
        'POST enroll': [
          { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
          { status: 200, headers: { 'content-type': 'text/xhtmlx' }, body: '<html>' },
          { status: 200, headers: {}, body: '<html>' },
          { ...issued(), headers: { 'content-type': 'text/html' } },
          { status: 404, headers: {}, body: '' },
        ],
      });
      await failure('NOT_MANAGER', () => obtain(at));
      await failure('REPLY_INVALID', () => obtain(at));
      await failure('REPLY_INVALID', () => obtain(at));
      expect((await obtain(at)).record.id).to.equal('003');
      expect((await failure('NOT_MANAGER', () => obtain(at))).message).to.include('nothing at /wazuh-manager/enroll:');
    });

    it('of the credential that was refused', async () => {
      const at = await serve({ 'POST enroll': enrollRefusal(401, 'invalid_signature') });
      for (const [credential, words] of [
        [PASSWORD, 'did not accept the enrollment password'],
        [TOKEN, 'credential of the enrollment token'],
        [REENROLL, 're-enrollment secret of this agent'],
      ] as const) {
        const thrown: unknown = await obtain(at, { credential }).catch((error: unknown) => error);
        expect(thrown).to.be.instanceOf(EnrollError).with.property('message').that.includes(words);
      }
    });

    it('and waits as long as the manager wants, though it asks once', async () => {
      const busy = remoted(429, { error: { code: 0, message: 'later' } }, { 'retry-after': '1' });
      const at = await serve({ 'POST enroll': [busy, issued()] });
      const setting = options(at, { retries: 0 });
      await httpsSource(setting).obtain(WEB01, live);
      expect(setting.waits).to.deep.equal([1000]);
    });
  });

  it('says who publishes no CA, and is none', async () => {
    const redirect = { status: 301, headers: { location: 'https://login.example/' }, body: '' };
    const at = await serve({ 'GET cacerts': [{ ...redirect, status: 404 }, redirect], 'POST control': redirect });
    const token = { credential: TOKEN, trust: caPin() };
    expect((await failure('NOT_MANAGER', () => obtain(at, token))).message).to.include('publishes no CA');
    expect((await failure('NOT_MANAGER', () => obtain(at, token))).message).to.match(
      /^What was asked is not the remoted of a Wazuh 5\. .*https:\/\/login\.example/,
    );
  });

  it('takes no answer that was not asked for', async () => {
    const odd: readonly ((response: ServerResponse) => void)[] = [
      (response) => write(response, { ...issued(), headers: { 'content-encoding': 'gzip' } }),
      (response) => write(response, { ...issued(), body: 'x'.repeat(70_000) }),
      (response) => void response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n'),
      (response) => write(response, { ...issued(), headers: { 'x-long': 'x'.repeat(40_000) } }),
      (response) => write(response, { ...issued(), status: 201 }),
      (response) => write(response, { status: 204, body: '' }),
    ];
    const codes: EnrollError['code'][] = [
      'REPLY_INVALID',
      'REPLY_INVALID',
      'REPLY_INVALID',
      'REPLY_INVALID',
      'REPLY_INVALID',
      'NOT_MANAGER',
    ];
    const at = await serve({ 'POST enroll': odd.map((answer) => (_arrived, response) => answer(response)) });
    for (const code of codes) await failure(code, () => obtain(at));
    expect(at.arrived).to.have.length(codes.length);
  });

  it('waits by a new connection each time', async () => {
    const at = await serve({ 'POST enroll': [enrollRefusal(503, 9016), issued()] });
    await obtain(at);
    expect(at.arrived.map(({ connection }) => connection)).to.deep.equal([1, 2]);
  });

  it('goes through a proxy, which looks the name up', async () => {
    const at = await serve({ 'GET cacerts': cacerts(certificates().ca.certificate), 'POST enroll': issued() });
    const proxy = await connectProxy({ local: true });
    try {
      const dial = proxyDial(proxy.settings, directDial(2000), 2000);
      const manager = { ...at.manager, host: 'localhost' };
      const key = await obtain(at, { credential: TOKEN, trust: caPin(), manager, dial });
      expect(key.endpoint?.host).to.equal('localhost');
      expect(proxy.requests).to.have.length(2);
      expect(at.arrived[1]?.headers.host).to.equal(`localhost:${at.manager.port}`);
    } finally {
      await proxy.close();
    }
  });

  it('shows a client certificate, and says where one is wanted', async () => {
    const { client, ca } = certificates();
    const at = await serve(
      { 'POST enroll': issued() },
      { requestCert: true, rejectUnauthorized: true, ca: ca.certificate },
    );
    await failure('CLIENT_CERTIFICATE_REQUIRED', () => obtain(at));
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    expect((await obtain(at, { clientCertificate })).record.id).to.equal('003');
  });

  it('does not take a connection that is closed without a word for a wish for a client certificate', async () => {
    const known = await serve({});
    const closing = await tlsServer({ onSecure: (socket) => socket.end() }, { minVersion: 'TLSv1.3' });
    try {
      const manager = { ...closing.endpoint, prefix: 'wazuh-manager' };
      const { message } = await failure('CONNECTION_FAILED', () => obtain(known, { manager }));
      expect(message).to.include('right after the handshake');
    } finally {
      await closing.close();
    }
  });

  it('ends with the reason of its signal', async () => {
    const at = await serve({ 'POST enroll': () => stop.abort(new EnrollError('TERMINATED', 'Terminated.')) });
    const stop = new AbortController();
    await failure('TERMINATED', () => obtain(at, {}, WEB01, stop.signal));
  });

  it('hides a token or a secret that comes back, in each form', async () => {
    const credentials = [
      [TOKEN, Buffer.from(TOKEN.secret.reveal())],
      [REENROLL, Buffer.from(REENROLL.secret.reveal(), 'hex')],
    ] as const;
    const forms = (['hex', 'base64', 'base64url'] as const).map((form) =>
      credentials.map(([credential, bytes]) => [credential, bytes.toString(form)] as const),
    );
    const said = forms.flat();
    const at = await serve({ 'POST enroll': said.map(([, text]) => enrollRefusal(400, 9999, `odd ${text}`)) });
    for (const [credential, text] of said) {
      const error = await failure('REQUEST_REFUSED', () => obtain(at, { credential }));
      expect(error.managerSaid, text).to.match(/^odd \[secret\]=*$/);
    }
  });

  it('hides a credential that comes back', async () => {
    const text = `odd ${Buffer.from(PASSWORD.password.reveal()).toString()}`;
    const at = await serve({ 'POST enroll': enrollRefusal(400, 9999, text) });
    const error = await failure('REQUEST_REFUSED', () => obtain(at));
    expect(`${error.message}${error.managerSaid}`).not.to.include('Wa.zuh5');
    expect(error.managerSaid).to.equal('odd [secret]');
  });
});
