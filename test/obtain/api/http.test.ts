import { once } from 'node:events';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { Secret } from '../../../src/model/secret.js';
import { directDial } from '../../../src/net/connect.js';
import { type ApiHttp, type ApiHttpOptions, openApi } from '../../../src/obtain/api/http.js';
import { apiAddress } from '../../../src/obtain/api/url.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';
import { plainServer, tlsServer } from '../../net/tls-server.js';
import { type ApiServer, apiServer, write } from './api-server.js';

const live = new AbortController().signal;
const GET = { method: 'GET', path: '/agents?name=a%26b' } as const;
const MAY_BE_HTTPS =
  "A manager's API speaks https unless it was told otherwise: give --api-url https://… Else check the network between this host and the manager.";

describe('HTTP to an API', () => {
  const servers: { close(): Promise<void> }[] = [];
  const kept = <S extends { close(): Promise<void> }>(server: S): S => {
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  const speaking = async (url: string, changes: Partial<ApiHttpOptions> = {}): Promise<ApiHttp> => {
    const trust = { insecure: false, ca: certificates().ca.certificate };
    const http = await openApi(apiAddress(url, true), { trust, dial: directDial(1000), timeoutMs: 1000, ...changes });
    return kept(http);
  };
  const api = async (body: unknown, plain = true): Promise<ApiServer> =>
    kept(
      await apiServer((_seen, response) => write(response, { status: 207, headers: { 'x-a': 'b' }, body }), { plain }),
    );
  const plainly = async (answer: string | undefined) => {
    const { endpoint } = kept(
      await plainServer((socket) => {
        socket.once('data', () => (answer === undefined ? socket.destroy() : socket.end(answer)));
      }),
    );
    return `http://127.0.0.1:${endpoint.port}`;
  };
  const securely = async (answer: string | undefined) => {
    const { endpoint } = kept(
      await tlsServer({ onData: (socket) => (answer === undefined ? socket.destroy() : socket.end(answer)) }),
    );
    return `https://127.0.0.1:${endpoint.port}`;
  };

  it('asks below the prefix, for JSON that is not compressed, and says who asks', async () => {
    const server = await api({});
    await (await speaking(`${server.url}/wazuh/`)).request(GET, undefined, live);
    expect(server.calls).to.deep.equal(['GET /wazuh/agents?name=a%26b']);
    const headers = server.seen[0]?.headers;
    expect(headers).to.include({
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'agent-enroll',
    });
    expect(headers).not.to.have.any.keys('authorization', 'content-type', 'content-length');
  });

  it('sends a body as JSON without a charset, and the authorization as it is given', async () => {
    const server = await api({});
    const post = { method: 'POST', path: '/agents', body: { name: 'web-01' } } as const;
    await (await speaking(server.url)).request(post, new Secret('Bearer a.b'), live);
    const [seen] = server.seen;
    expect([seen?.body, seen?.headers.authorization, seen?.headers['content-type']]).to.deep.equal([
      { name: 'web-01' },
      'Bearer a.b',
      'application/json',
    ]);
  });

  for (const [what, body, read] of [
    ['JSON', { data: 1 }, { data: 1 }],
    ['none', '<html>', undefined],
  ] as const) {
    it(`takes an answer with its status, its headers and its body as JSON, which it may be or not: ${what}`, async () => {
      const server = await api(body);
      const exchange = await (await speaking(server.url)).request(GET, undefined, live);
      if (exchange.kind !== 'reply') throw new Error(exchange.kind);
      const { reply } = exchange;
      expect([reply.status, reply.header('x-a'), reply.body]).to.deep.equal([207, 'b', read]);
    });
  }

  it('knows how the server was trusted once it has connected, where there is anything to know', async () => {
    const secure = await speaking((await api({}, false)).url);
    expect(secure.verdict).to.equal(undefined);
    await secure.request(GET, undefined, live);
    expect(secure.verdict?.by).to.equal('ca');
    const plain = await speaking((await api({})).url);
    await plain.request(GET, undefined, live);
    expect(plain.verdict).to.equal(undefined);
  });

  it('closes its connection', async () => {
    const server = await api({});
    const http = await speaking(server.url);
    await http.request(GET, undefined, live);
    await http.close();
    await server.idle();
  });

  describe('that brings no answer to use', () => {
    for (const [what, serve, answer, kind, code, hint] of [
      ['a connection that is closed', plainly, undefined, 'lost', 'CONNECTION_FAILED', MAY_BE_HTTPS],
      ['a connection that is closed, over TLS', securely, undefined, 'lost', 'CONNECTION_FAILED', undefined],
      ['words that are no HTTP', plainly, 'SSH-2.0-x\r\n', 'unusable', 'NOT_API', MAY_BE_HTTPS],
      ['words that are no HTTP, over TLS', securely, 'SSH-2.0-x\r\n', 'unusable', 'NOT_API', undefined],
      [
        'a redirect, of which https is none of the causes',
        plainly,
        'HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n',
        'unusable',
        'NOT_API',
        undefined,
      ],
    ] as const) {
      it(`says that https may be meant where that may be the cause: ${what}`, async () => {
        const exchange = await (await speaking(await serve(answer))).request(GET, undefined, live);
        if (exchange.kind === 'reply') throw new Error('a reply');
        expect([exchange.kind, exchange.error.code]).to.deep.equal([kind, code]);
        expect(exchange.error.hint).to.equal(hint ?? new EnrollError(code, '').hint);
        expect(exchange.error.message).to.match(/^127\.0\.0\.1:\d+ .*\.$/);
      });
    }

    it('keeps the cause of a connection that broke, and of an answer that cannot be used', async () => {
      const closed = await (await speaking(await plainly(undefined))).request(GET, undefined, live);
      const redirect = 'HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n';
      const elsewhere = await (await speaking(await plainly(redirect))).request(GET, undefined, live);
      for (const exchange of [closed, elsewhere]) {
        if (exchange.kind === 'reply') throw new Error('a reply');
        expect(exchange.error.cause).to.be.instanceOf(Error);
      }
    });

    it('says nothing of https where the time was up', async () => {
      const silent = kept(await plainServer(() => {}));
      const http = await speaking(`http://127.0.0.1:${silent.endpoint.port}`, { timeoutMs: 100 });
      const exchange = await http.request(GET, undefined, live);
      if (exchange.kind !== 'lost') throw new Error(exchange.kind);
      expect(exchange.error.code).to.equal('CONNECTION_TIMED_OUT');
      expect(exchange.error.hint).to.equal(new EnrollError('CONNECTION_TIMED_OUT', '').hint);
    });
  });

  describe('is not spoken, and no credential sent,', () => {
    it('where the server is not trusted, which is said beside what is wrong with it', async () => {
      const { url, calls } = await api({}, false);
      const http = await speaking(url, { trust: { insecure: false, pin: '0'.repeat(64) } });
      const error = await failure('PIN_MISMATCH', () => http.request(GET, new Secret('Basic x'), live));
      expect(error.message).to.match(/not the pinned one.* The API credentials were not sent\.$/);
      const { cause } = error;
      if (!(cause instanceof EnrollError)) throw new Error('no cause');
      expect([error.hint, cause.code]).to.deep.equal([cause.hint, 'PIN_MISMATCH']);
      expect(calls).to.deep.equal([]);
    });

    it('where nothing says that it is to be trusted: the roots of this host do not, and first use does not count', async () => {
      const { url } = await api({}, false);
      const http = await speaking(url, { trust: { insecure: false } });
      const error = await failure('CERTIFICATE_UNTRUSTED', () => http.request(GET, new Secret('Basic x'), live));
      expect(error.message).to.match(/The API credentials were not sent\.$/);
    });

    it('where it cannot be reached, in the words of the connection', async () => {
      const server = await plainServer(() => {});
      await server.close();
      const http = await speaking(`https://127.0.0.1:${server.endpoint.port}`);
      const error = await failure('CONNECTION_REFUSED', () => http.request(GET, undefined, live));
      expect(error.message).not.to.include('credentials');
    });

    it('where it closes during the handshake', async () => {
      const { endpoint } = kept(await plainServer((socket) => void once(socket, 'data').then(() => socket.destroy())));
      const http = await speaking(`https://127.0.0.1:${endpoint.port}`);
      const error = await failure('CONNECTION_FAILED', () => http.request(GET, undefined, live));
      expect(error.message).to.include('during the TLS handshake').and.not.include('credentials');
    });
  });
});
