import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { generationOf } from '../../../src/model/manager-generation.js';
import { Secret } from '../../../src/model/secret.js';
import { type Dial, directDial } from '../../../src/net/connect.js';
import { discover, discoveryInWords, probeSays } from '../../../src/obtain/https/discovery.js';
import { LOAD } from '../../load.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { plainServer, type TestServer } from '../../net/tls-server.js';
import { type AnswerVector, answerOf, wazuh5 } from '../../wazuh5.js';
import {
  ALIVE,
  cacerts,
  type ManagerServer,
  managerServer,
  NO_ROUTE,
  remoted,
  type Step,
} from '../../wazuh5-manager.js';

const live = new AbortController().signal;
const options = { dial: directDial(1000), timeoutMs: 1000 };
const isAnswer = (seen: string | AnswerVector | undefined): seen is AnswerVector => typeof seen === 'object';

describe('what is at 1517', () => {
  let server: ManagerServer | TestServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  /** The answers of a known case, as routes of a server. */
  const routesOf = (seen: Readonly<Record<string, string | AnswerVector>>) =>
    Object.fromEntries(
      Object.entries(seen).flatMap(([what, answer]): [string, Step][] => {
        const route = /^(GET|POST) (\S+?)(?:,|$)/.exec(what);
        return route === null || !isAnswer(answer) ? [] : [[`${route[1]} ${route[2]?.slice(1)}`, answer]];
      }),
    );

  const EXPECTED: Readonly<Record<string, unknown>> = {
    'stock 5.x': { prefix: 'wazuh-manager', generation: 'tokens', ca: 'published' },
    '5.x without a prefix': { prefix: '', generation: 'unclear', ca: 'none' },
    '5.x, no CA published': { prefix: 'wazuh-manager', generation: 'tokens', ca: 'none' },
    'CMAC generation': { prefix: 'wazuh-manager', generation: 'cmac', ca: 'none' },
    'JWT without tokens': { prefix: 'wazuh-manager', generation: 'password', ca: 'none' },
    '5.x and legacy ports': { prefix: 'wazuh-manager', generation: 'unclear', ca: 'none' },
    'captive portal': 'stranger',
  };

  for (const { name, seen, conclude } of wazuh5.discovery.filter((one) => one.name in EXPECTED)) {
    it(`${name}: ${conclude}`, async () => {
      const at = await managerServer(routesOf(seen), { prefix: '' });
      server = at;
      const { host, port } = at.manager;
      const found = await discover({ host, port }, options, live);
      const told =
        found.kind === 'wazuh-5'
          ? { prefix: found.manager.prefix, generation: found.generation, ca: found.ca }
          : found.kind;
      expect(told).to.deep.equal(EXPECTED[name]);
      expect([...at.wire.values()].join()).not.to.match(/authorization|bearer/i);
    });
  }

  it('TLS 1.2 only: not a 5.x manager, or a proxy in between', async () => {
    const at = await managerServer({ 'GET ': ALIVE }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    server = at;
    const found = await discover(at.manager, options, live);
    expect(found.kind).to.equal('no tls');
    expect(discoveryInWords(found, at.manager)).to.include('TLS 1.3');
  });

  it('nothing: the port is closed', async () => {
    const at = await managerServer({});
    await at.close();
    const found = await discover({ host: '127.0.0.1', port: at.manager.port }, options, live);
    expect(found.kind).to.equal('closed');
  });

  it('is asked over the connection by which it was found open', async () => {
    const at = await managerServer({ 'GET ': ALIVE, 'GET cacerts': cacerts('') });
    server = at;
    let dialled = 0;
    const dial: Dial = (endpoint, signal) => {
      dialled += 1;
      return options.dial(endpoint, signal);
    };
    const { host, port } = at.manager;
    expect((await discover({ host, port }, { ...options, dial }, live)).kind).to.equal('wazuh-5');
    expect([dialled, at.wire.size]).to.deep.equal([1, 1]);
  });

  it('something that never answers, within the time given', async () => {
    server = await plainServer(() => {});
    const began = performance.now();
    const found = await discover(server.endpoint, { ...options, timeoutMs: 200 }, live);
    if (found.kind !== 'silent') throw new Error(found.kind);
    expect(found.error.message).to.match(/^127\.0\.0\.1:\d+ did not answer within 0\.2 s\.$/);
    expect(performance.now() - began).to.be.below(900 * LOAD);
  });

  it('a redirect, which is not followed', async () => {
    const at = await managerServer({
      'GET ': { status: 301, headers: { location: 'https://login.example/' }, body: '' },
    });
    server = at;
    const found = await discover(at.manager, options, live);
    expect(found).to.include({ kind: 'stranger' });
    expect(discoveryInWords(found, at.manager)).to.include('https://login.example');
  });

  it('a manager with a prefix of its own, where that is known', async () => {
    const at = await managerServer({ 'GET ': ALIVE, 'GET cacerts': cacerts('') }, { prefix: 'soc/wazuh' });
    server = at;
    expect((await discover(at.manager, options, live)).kind).to.equal('wazuh-5');
    const { host, port } = at.manager;
    expect((await discover({ host, port }, options, live)).kind).to.equal('stranger');
  });
});

describe('what was found, in words', () => {
  const at = { host: 'm.example', port: 1517, prefix: 'wazuh-manager' };
  const error = new EnrollError('HOST_UNRESOLVED', 'No address.');
  const is = 'https://m.example:1517/wazuh-manager/ is';
  const found = { kind: 'wazuh-5', manager: at, ca: 'none' } as const;
  for (const [what, words] of [
    [{ ...found, generation: 'tokens' }, `${is} a Wazuh 5`],
    [{ ...found, generation: 'unclear' }, `${is} a Wazuh 5`],
    [{ ...found, generation: 'password' }, `${is} a pre-release of Wazuh 5 that is too old for enrollment tokens`],
    [{ ...found, generation: 'cmac' }, `${is} a pre-release of Wazuh 5 that signs with AES-CMAC: upgrade it`],
    [{ kind: 'stranger', why: 'x' }, 'm.example:1517 is not the remoted of a Wazuh 5: x'],
    [
      { kind: 'no tls', error },
      'm.example:1517 does not speak TLS 1.3, so it is not a Wazuh 5, or something stands between',
    ],
    [{ kind: 'closed', error }, 'm.example:1517 is closed, so it is not a Wazuh 5'],
    [{ kind: 'silent', error }, 'm.example:1517 does not answer: it may be filtered'],
    [{ kind: 'unreachable', error }, 'm.example:1517 cannot be reached: No address.'],
  ] as const) {
    it(words, () => expect(discoveryInWords(what, at)).to.equal(words));
  }

  it('is who answers otherwise than a manager, or as one with nothing there', async () => {
    const page = (type: string) => ({ status: 403, headers: { 'content-type': type }, body: '{}' });
    const server = await managerServer(
      { 'GET wazuh-manager/': [page('text/html'), page('text/xhtmlx'), page('x'), NO_ROUTE], 'GET ': NO_ROUTE },
      { prefix: '' },
    );
    const { host, port } = server.manager;
    const shows = (what: string) =>
      `https://${host}:${port}/wazuh-manager/ shows ${what} (HTTP 403), where a Wazuh 5 says what it is.`;
    try {
      for (const why of [
        shows('a web page'),
        shows('something else'),
        shows('something else'),
        `${host}:${port} answers as a Wazuh 5 does to what it has nothing for.`,
      ]) {
        expect(await discover({ host, port }, options, live)).to.deep.equal({ kind: 'stranger', why });
      }
    } finally {
      await server.close();
    }
  });

  it('is a name without an address, and a setting that is none is thrown', async () => {
    const failing = (code: ErrorCode) => ({ ...options, dial: () => Promise.reject(new EnrollError(code, 'x')) });
    const request = { host: 'm.example', port: 1517 };
    expect((await discover(request, failing('HOST_UNRESOLVED'), live)).kind).to.equal('unreachable');
    expect((await discover(request, failing('CONNECTION_REFUSED'), live)).kind).to.equal('closed');
    await failure('SETTING_INVALID', () => discover(request, failing('SETTING_INVALID'), live));
    const stop = new AbortController();
    const dial = () => {
      stop.abort(new EnrollError('TERMINATED', 'x'));
      return Promise.reject(new EnrollError('CONNECTION_REFUSED', 'x'));
    };
    await failure('TERMINATED', () => discover(request, { ...options, dial }, stop.signal));
  });

  it('is not clear of a manager that answers the probe alone', async () => {
    for (const [answer, ca] of [
      [remoted(503, { error: 'ca_mismatch' }), 'unclear'],
      [{ status: 301, headers: { location: 'https://login.example/' }, body: '' }, 'unclear'],
      [(_arrived: unknown, response: { destroy(): unknown }) => void response.destroy(), 'unclear'],
    ] as const) {
      const server = await managerServer({ 'GET ': ALIVE, 'GET cacerts': answer });
      const seen = await discover(server.manager, options, live);
      expect(seen.kind === 'wazuh-5' && seen.ca).to.equal(ca);
      await server.close();
    }
  });

  it('is a manager with any certificate, and one that wants to see one', async () => {
    const { client, ca, expired } = certificates();
    const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
    const wanting = { requestCert: true, rejectUnauthorized: true, ca: ca.certificate, identity: expired };
    const server = await managerServer({ 'GET ': ALIVE, 'GET cacerts': cacerts('') }, wanting);
    expect((await discover(server.manager, { ...options, clientCertificate }, live)).kind).to.equal('wazuh-5');
    expect((await discover(server.manager, options, live)).kind).not.to.equal('wazuh-5');
    await server.close();
  });
});

describe('the probe', () => {
  const says = (status: number, body: string, headers: Readonly<Record<string, string>> = {}) =>
    probeSays(answerOf({ status, headers, body }));

  it('is answered by a remoted alone', () => {
    expect(says(200, '{"status":"ok","module":"remoted"}')).to.equal('remoted');
    expect(says(200, '{"status":"ok","module":"api"}')).to.equal('stranger');
    expect(says(200, '{"status":"ok","module":"remoted","x":1}')).to.equal('stranger');
    expect(says(200, '{"status":"x","module":"remoted"}')).to.equal('stranger');
    expect(says(404, '{"error":"other"}')).to.equal('stranger');
    expect(says(403, '{"error":"not_found"}')).to.equal('stranger');
    expect(says(426, '{"status":"ok","module":"remoted"}')).to.equal('stranger');
    expect(says(404, '{"error":"not_found"}')).to.equal('no route');
    expect(says(404, '<html>')).to.equal('stranger');
  });
});

describe('the generation of a manager', () => {
  const of = (answer: { status: number; headers?: Readonly<Record<string, string>>; body: unknown }) =>
    answerOf({ status: answer.status, headers: answer.headers ?? {}, body: JSON.stringify(answer.body) });

  it('is told behind a proxy that hides the Server, too', () => {
    const control = { status: 401, body: { error: 'Invalid client authentication', code: 'invalid_request' } };
    expect(generationOf(of(NO_ROUTE), of(control))).to.equal('tokens');
    expect(generationOf(of(NO_ROUTE), undefined)).to.equal('unclear');
    expect(generationOf(of(remoted(503, { error: 'ca_mismatch' })), undefined)).to.equal('tokens');
  });
});
