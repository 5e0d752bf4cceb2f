import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { failure } from '../../net/expect-error.js';
import { apiServer, managerApi, problem, recorded, type Step, success, type Version } from './api-server.js';
import { asking, completed, obtainPlainly as obtain, PASSWORD } from './setting.js';

const record = (line: string) => Buffer.from(line).toString('base64');
const HEX = 'ab'.repeat(32);

describe('a hostile API server', () => {
  const servers: { close(): Promise<void> }[] = [];
  const serve = async (version: Version, routes: Parameters<typeof managerApi>[1]) => {
    const server = await managerApi(version, routes, { plain: true });
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  /** Writes until the other side has had enough; the bytes that went out. */
  function endless(): { step: Step; sent: () => number } {
    let sent = 0;
    const chunk = Buffer.alloc(65_536, '[');
    const step: Step = (_seen, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (!response.destroyed && sent < 1e9) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    };
    return { step, sent: () => sent };
  }

  for (const [path, code] of [
    ['GET /', 'NOT_API'],
    ['POST /security/user/authenticate', 'NOT_API'],
    ['POST /agents', 'REPLY_INVALID'],
  ] as const) {
    it(`a body without end costs little (${path})`, async () => {
      const { step, sent } = endless();
      const { url } = await serve('4.14.7', {
        [path]: step,
        'GET /agents': success({ affected_items: [], failed_items: [] }),
      });
      const error = await failure(code, () => obtain(url, asking('web01'), { patienceMs: 0 }));
      expect(error.message).to.include('without end');
      expect(sent()).to.be.lessThan(16e6);
    });

    it(`a compressed body is not unpacked (${path})`, async () => {
      const bomb = gzipSync(Buffer.alloc(20e6));
      const { url } = await serve('4.14.7', {
        [path]: (_seen, response) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
          response.end(bomb);
        },
        'GET /agents': success({ affected_items: [], failed_items: [] }),
      });
      const error = await failure(code, () => obtain(url, asking('web01'), { patienceMs: 0 }));
      expect(error.message).to.include('compressed');
    });
  }

  for (const path of ['GET /', 'POST /security/user/authenticate', 'POST /agents']) {
    it(`a slow drip is bounded by the deadline (${path})`, async () => {
      const { url } = await serve('4.14.7', {
        [path]: (_seen, response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          const drip = setInterval(() => response.write(' '), 20);
          response.once('close', () => clearInterval(drip));
        },
        'GET /agents': success({ affected_items: [], failed_items: [] }),
      });
      const began = Date.now();
      const code = path === 'POST /agents' ? 'ANSWER_LOST' : 'CONNECTION_TIMED_OUT';
      await failure(code, () => obtain(url, asking('web01'), { timeoutMs: 200, patienceMs: 0 }));
      expect(Date.now() - began).to.be.lessThan(1500);
    });
  }

  for (const status of [301, 302, 307, 308]) {
    it(`a redirect elsewhere is not followed, and nobody there gets anything (${status})`, async () => {
      const elsewhere = await apiServer((_seen, response) => response.end(), { plain: true });
      servers.push(elsewhere);
      for (const path of ['GET /', 'POST /security/user/authenticate', 'POST /agents']) {
        const { url } = await serve('4.14.7', {
          [path]: { status, headers: { location: `${elsewhere.url}/steal?${PASSWORD}` }, body: '' },
          'GET /agents': success({ affected_items: [], failed_items: [] }),
        });
        const code = path === 'POST /agents' ? 'REPLY_INVALID' : 'NOT_API';
        const error = await failure(code, () => obtain(url, asking('web01'), { patienceMs: 0 }));
        expect(error.message).to.include(elsewhere.url).and.not.include(PASSWORD);
      }
      expect(elsewhere.seen).to.deep.equal([]);
    });
  }

  describe('a key that is not the one asked for is no key', () => {
    const keys: readonly (readonly [string, unknown])[] = [
      ['for another agent', { id: '001', key: record(`001 web02 any ${HEX}`) }],
      ['for another id', { id: '001', key: record(`002 web01 any ${HEX}`) }],
      ['for another address', { id: '001', key: record(`001 web01 10.0.0.0/8 ${HEX}`) }],
      ['with a second record', { id: '001', key: record(`001 web01 any ${HEX}\n002 web02 any ${HEX}`) }],
      ['with a line end', { id: '001', key: record(`001 web01 any ${HEX}\n`) }],
      ['with a control character', { id: '001', key: record(`001 web01 any\u0000 ${HEX}`) }],
      ['of the manager itself', { id: '000', key: record(`000 web01 any ${HEX}`) }],
      ['of a removed agent', { id: '001', key: record(`001 !web01 any ${HEX}`) }],
      ['without a key', { id: '001', key: record('001 web01 any ') }],
      ['in broken base64', { id: '001', key: `*${record(`001 web01 any ${HEX}`)}` }],
      ['with text behind the base64', { id: '001', key: `${record(`001 web01 any ${HEX}`)}==` }],
      ['as a number', { id: 1, key: 1 }],
      ['as a list', [{ id: '001', key: record(`001 web01 any ${HEX}`) }]],
      ['as nothing', null],
      ['that is endless', { id: '001', key: 'A'.repeat(4000) }],
    ];
    for (const [what, data] of keys) {
      it(what, async () => {
        const { url } = await serve('4.14.7', { 'POST /agents': success(data) });
        const error = await failure('REPLY_INVALID', () => obtain(url, asking('web01')));
        expect(error.exitCode).to.equal(8);
        expect(error.message).not.to.include(HEX);
      });
    }
  });

  describe('an answer of the wrong shape is an error in words', () => {
    const bodies: readonly unknown[] = [
      null,
      [],
      'text',
      '1',
      '{"data":',
      { error: [] },
      { error: {}, data: 1 },
      { error: 1, data: { failed_items: 'x' } },
      { error: 0, data: { token: 5, api_version: 5, affected_items: 5 } },
      { error: 0, data: { token: 'a\r\nX-Other: b', api_version: '99999999999' } },
    ];
    for (const path of ['GET /', 'POST /security/user/authenticate', 'POST /agents']) {
      it(path, async () => {
        const { url } = await serve('4.14.7', {
          [path]: bodies.map((body) => ({ status: 200, headers: {}, body })),
          'GET /agents': { status: 200, body: { data: [null, 1, { id: 1 }], error: 0 } },
        });
        for (const body of bodies) {
          let thrown: unknown;
          try {
            await obtain(url, asking('web01'), { patienceMs: 0 });
          } catch (error) {
            thrown = error;
          }
          expect(thrown, JSON.stringify(body)).to.be.instanceOf(EnrollError);
          const expected = path === 'POST /agents' ? ['REPLY_INVALID', 'REQUEST_REFUSED'] : ['NOT_API'];
          expect(thrown, JSON.stringify(body)).to.have.property('code').that.is.oneOf(expected);
        }
      });
    }
  });

  it('a server that repeats what it was sent puts no credential into a message', async () => {
    const shown: string[] = [];
    for (const path of ['POST /security/user/authenticate', 'GET /', 'POST /agents', 'PUT /agents/001/group/web']) {
      const { url } = await serve('4.14.7', {
        'POST /agents': 'add-success',
        'GET /groups': success({ affected_items: [], failed_items: [] }),
        [path]: (seen, response) => {
          const { status, headers, body } = problem(
            400,
            `${seen.headers.authorization} ${PASSWORD} \u001b[31m ${HEX} ${record(`001 web01 any ${HEX}`)}`,
            1799,
          );
          response.writeHead(status, headers);
          response.end(JSON.stringify(body));
        },
      });
      try {
        const key = await completed(await obtain(url, asking('web01', undefined, ['web'])));
        shown.push(...key.warnings);
      } catch (error) {
        if (!(error instanceof EnrollError)) throw error;
        shown.push(error.message, error.hint, error.managerSaid ?? '');
      }
    }
    const all = shown.join('\n');
    const token = JSON.stringify(recorded('4.14.7', 'authenticate-json').body).match(/eyJ[^"]+/)?.[0] ?? 'none';
    const basic = Buffer.from(`enroll:${PASSWORD}`).toString('base64');
    for (const secret of [PASSWORD, basic, token, HEX, '\u001b', record(`001 web01 any ${HEX}`)]) {
      expect(all).not.to.include(secret);
    }
    expect(all).to.include('[secret]').and.include('1799');
  });

  describe('what is no API', () => {
    const raw = async (reply: string | undefined) => {
      const server = createServer((socket: Socket) => {
        socket.on('error', () => {});
        socket.once('data', () => (reply === undefined ? socket.destroy() : socket.end(reply)));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
      const address = server.address();
      return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    };
    it('a web server', async () => {
      const page = await apiServer((_seen, response) => response.end('<html>It works</html>'), { plain: true });
      servers.push(page);
      const error = await failure('NOT_API', () => obtain(page.url, asking('web01')));
      expect(error.message).to.match(
        /^127\.0\.0\.1:\d+ gave an answer that is none of the manager's API \(HTTP 200\)\.$/,
      );
      expect(page.calls).to.deep.equal(['GET /']);
      expect(page.seen[0]?.headers.authorization).to.equal(undefined);
    });

    it('a web server that asks for a password of its own gets none', async () => {
      const page = await apiServer(
        (_seen, response) => {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="Router"', 'content-type': 'text/html' });
          response.end('no');
        },
        { plain: true },
      );
      servers.push(page);
      const error = await failure('NOT_API', () => obtain(page.url, asking('web01')));
      expect(error.message).to.match(/^What answers at 127\.0\.0\.1:\d+ is not a manager's API \(HTTP 401\)\.$/);
      expect(page.seen.map(({ headers }) => headers.authorization)).to.deep.equal([undefined]);
    });

    it('something that speaks no HTTP', async () => {
      const error = await failure('NOT_API', async () =>
        obtain(`http://${await raw('SSH-2.0-OpenSSH_9.2\r\n')}`, asking('web01')),
      );
      expect(error.hint).to.include('give --api-url https://');
    });

    it('headers without end', async () => {
      const reply = `HTTP/1.1 200 OK\r\n${'x-a: 1234567890\r\n'.repeat(20_000)}\r\n`;
      await failure('NOT_API', async () => obtain(`http://${await raw(reply)}`, asking('web01')));
    });

    it('something that closes at once', async () => {
      const error = await failure('CONNECTION_FAILED', async () =>
        obtain(`http://${await raw(undefined)}`, asking('web01')),
      );
      expect(error.hint).to.include('give --api-url https://');
    });

    it('something that speaks no TLS', async () => {
      const error = await failure('TLS_FAILED', async () =>
        obtain(`https://${await raw('HTTP/1.1 400 Bad Request\r\n\r\n')}`, asking('web01')),
      );
      expect(error.message).to.match(/^127\.0\.0\.1:\d+ does not speak TLS as this host does\.$/);
      expect(error.hint).to.equal(
        'Check --api-url: the API listens on 55000 unless it was told otherwise. An API of 3.x may speak plain http: http://…, which --insecure allows and which shows the credentials to everybody on the way.',
      );
      expect(error.cause).to.be.instanceOf(EnrollError);
    });
  });
});
