import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { ErrorCode } from '../../src/errors.js';
import { EnrollError } from '../../src/errors.js';
import { openTcp } from '../../src/link/message/tcp.js';
import type { Endpoint } from '../../src/model/endpoint.js';
import { Secret } from '../../src/model/secret.js';
import { directDial } from '../../src/net/connect.js';
import { dialThrough, proxyDial } from '../../src/net/proxy.js';
import { connectTls } from '../../src/net/tls.js';
import { certificates } from './certificates.js';
import { connectProxy, type TestProxy } from './connect-proxy.js';
import { failure } from './expect-error.js';
import { plainServer, type TestServer, tlsServer } from './tls-server.js';

const MS = 3000;
const MANAGER: Endpoint = { host: 'manager.example', port: 1515 };
const opened: { close(): Promise<void> }[] = [];

async function proxied(...behaviour: Parameters<typeof connectProxy>): Promise<TestProxy> {
  const proxy = await connectProxy(...behaviour);
  opened.push(proxy);
  return proxy;
}

async function keep(server: Promise<TestServer>): Promise<TestServer> {
  const running = await server;
  opened.push(running);
  return running;
}

function through(proxy: TestProxy, endpoint = MANAGER, ms = MS, signal = AbortSignal.timeout(MS)): Promise<Socket> {
  return proxyDial(proxy.settings, directDial(ms), ms)(endpoint, signal);
}

/** A proxy that answers every request with these bytes. */
function answering(bytes: string, end = true): Promise<TestProxy> {
  return proxied({ answer: (socket) => (end ? socket.end(bytes, 'latin1') : socket.write(bytes, 'latin1')) });
}

const source = (name: string) => JSON.stringify(new URL(`../../src/net/${name}.ts`, import.meta.url).href);
const NESTED = `
  import { directDial } from ${source('connect')};
  import { proxyDial } from ${source('proxy')};
  import { connectTls } from ${source('tls')};
  const dial = proxyDial(JSON.parse(process.env.PROXY), directDial(3000), 3000);
  const options = { trust: { insecure: true }, dial, timeoutMs: 3000 };
  const { socket } = await connectTls({ host: 'manager.example', port: 1515 }, options, AbortSignal.timeout(3000));
  socket.write('there and back');
  for await (const chunk of socket) process.stdout.write(chunk);
`;

describe('Through a proxy', () => {
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
  });

  it('comes to a manager whose name only the proxy can look up', async () => {
    const server = await keep(plainServer((socket) => socket.pipe(socket)));
    const proxy = await proxied({ names: { [MANAGER.host]: server.endpoint } });
    const socket = await through(proxy);
    socket.write('there and back');
    const [echo] = await once(socket, 'data');
    expect(String(echo)).to.equal('there and back');
    expect(proxy.requests).to.deep.equal([
      'CONNECT manager.example:1515 HTTP/1.1\r\nHost: manager.example:1515\r\n\r\n',
    ]);
    socket.destroy();
  });

  it('writes an IPv6 address in brackets', async () => {
    const proxy = await answering('HTTP/1.1 200 OK\r\n\r\n', false);
    (await through(proxy, { host: '2001:db8::1', port: 1514 })).destroy();
    expect(proxy.requests[0]).to.match(/^CONNECT \[2001:db8::1\]:1514 HTTP\/1\.1\r\nHost: \[2001:db8::1\]:1514\r\n/);
  });

  it('speaks TLS with the manager, and checks the certificate against its name', async () => {
    const server = await keep(
      tlsServer({ onData: (socket, record) => socket.end(record) }, { identity: certificates().otherName }),
    );
    const proxy = await proxied({ names: { [MANAGER.host]: server.endpoint } });
    const dial = proxyDial(proxy.settings, directDial(MS), MS);
    const trust = { insecure: false, ca: certificates().ca.certificate };
    const { socket, verdict } = await connectTls(MANAGER, { trust, dial, timeoutMs: MS }, AbortSignal.timeout(MS));
    expect(verdict.by).to.equal('ca');
    socket.write('hello');
    const [echo] = await once(socket, 'data');
    expect(String(echo)).to.equal('hello');
    socket.destroy();
  });

  it('loses nothing of what the manager says first', async () => {
    const frame = Buffer.from('\x05\0\0\0#pong', 'latin1').toString('latin1');
    const proxy = await answering(`HTTP/1.0 200\r\n\r\n${frame}`, false);
    const transport = await openTcp(MANAGER, proxyDial(proxy.settings, directDial(MS), MS), AbortSignal.timeout(MS));
    expect(String(await transport.receive(AbortSignal.timeout(MS)))).to.equal('#pong');
    transport.close();
  });

  it('reads an answer that comes byte by byte, after an interim one', async () => {
    const proxy = await proxied({
      answer: (socket) => {
        const bytes = [...'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Fine\r\nX: y\r\n\r\nfirst'];
        const next = () => {
          const byte = bytes.shift();
          if (byte !== undefined) socket.write(byte, () => setImmediate(next));
        };
        next();
      },
    });
    const socket = await through(proxy);
    let said = '';
    for await (const chunk of socket) {
      said += String(chunk);
      if (said.length >= 5) break;
    }
    expect(said).to.equal('first');
  });

  it('shows its credentials to the proxy alone', async () => {
    const server = await keep(plainServer((socket) => socket.pipe(socket)));
    const proxy = await proxied({ credentials: 'väter:s3cret@/:', names: { [MANAGER.host]: server.endpoint } });
    (await through(proxy)).destroy();
    expect(proxy.requests[0]).to.include(`Basic ${Buffer.from('väter:s3cret@/:').toString('base64')}\r\n`);
  });

  it('goes past the proxy to a host that NO_PROXY names', async () => {
    const server = await keep(plainServer((socket) => socket.end('direct')));
    const proxy = await proxied();
    const dial = dialThrough({ ...proxy.settings, explicit: false }, directDial, MS);
    const socket = await dial(server.endpoint, AbortSignal.timeout(MS));
    const [said] = await once(socket, 'data');
    expect(String(said)).to.equal('direct');
    expect(proxy.requests).to.deep.equal([]);
  });

  const ANSWERS: readonly (readonly [what: string, answer: string, code: ErrorCode, words: RegExp])[] = [
    [
      'a closed port behind it',
      'HTTP/1.1 502 Bad Gateway\r\n\r\n',
      'CONNECTION_FAILED',
      /did not reach manager\.example:1515.*"502 Bad Gateway"/,
    ],
    ['an unknown name behind it', 'HTTP/1.1 503 Service Unavailable\r\n\r\n', 'CONNECTION_FAILED', /did not reach/],
    [
      'a silent manager behind it',
      'HTTP/1.1 504 Gateway Timeout\r\n\r\n',
      'CONNECTION_TIMED_OUT',
      /got no answer from/,
    ],
    [
      'a rule of its own',
      'HTTP/1.1 403 Forbidden\r\n\r\n',
      'PROXY_REFUSED',
      /refused a connection to manager\.example:1515.*"403 Forbidden"/,
    ],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n', 'PROXY_REFUSED', /redirect/],
    ['no CONNECT at all', 'HTTP/1.1 405 Method Not Allowed\r\n\r\n', 'PROXY_REFUSED', /does not make connections/],
    [
      'a wish for a login',
      'HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
      'PROXY_CREDENTIALS_REFUSED',
      /wants a user name/,
    ],
    [
      'a wish for another login',
      'HTTP/1.1 407 Auth\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate:NTLM\r\n\r\n',
      'PROXY_CREDENTIALS_REFUSED',
      /by Negotiate or NTLM/,
    ],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'NOT_PROXY', /does not answer as an HTTP proxy/],
    ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46', 'NOT_PROXY', /does not answer as an HTTP proxy/],
    ['HTTP of another kind', 'HTTP/2.0 200 OK\r\n\r\n', 'NOT_PROXY', /does not answer as an HTTP proxy/],
    ['a status that is none', 'HTTP/1.1 000 OK\r\n\r\n', 'NOT_PROXY', /does not answer as an HTTP proxy/],
    ['nothing', '', 'PROXY_REFUSED', /closed the connection without an answer/],
    ['half an answer', 'HTTP/1.1 200 OK\r\nX-', 'PROXY_REFUSED', /within its answer/],
    ['control characters', 'HTTP/1.1 403 \x1b[2Jno\r\n\r\n', 'PROXY_REFUSED', /"403 \?\[2Jno"/],
  ];
  for (const [what, answer, code, words] of ANSWERS) {
    it(`tells ${what} (${code})`, async () => {
      const proxy = await answering(answer);
      const { message, exitCode } = await failure(code, () => through(proxy));
      expect(message).to.match(words);
      expect(exitCode).to.equal(3);
      await proxy.closed;
    });
  }

  it('tells credentials that the proxy does not accept, and never shows them', async () => {
    const secret = 'jill:tr0ub4dor';
    const hidden = [secret, 'tr0ub4dor', Buffer.from(secret).toString('base64')];
    const proxy = await proxied({ credentials: 'jill:other' });
    const wrong = { ...proxy, settings: { ...proxy.settings, credentials: new Secret(secret) } };
    const refused = await failure('PROXY_CREDENTIALS_REFUSED', () => through(wrong));
    expect(refused.message).to.include('did not accept');
    const echo = await proxied({
      credentials: secret,
      answer: (socket, head) => socket.end(`HTTP/1.1 403 ${/Basic (.*)\r/.exec(head)?.[1]}\r\n\r\n`),
    });
    const echoed = await failure('PROXY_REFUSED', () => through(echo));
    for (const text of hidden) {
      expect(refused.message + refused.hint + echoed.message + echoed.hint).not.to.include(text);
    }
  });

  it('gives up on an answer without end', async () => {
    const proxy = await answering(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(40_000)}`, false);
    expect((await failure('NOT_PROXY', () => through(proxy))).message).to.include('without end');
    await proxy.closed;
  });

  it('gives up on a proxy that says nothing, in the time that is given', async () => {
    const proxy = await proxied({ answer: () => {} });
    const { message } = await failure('PROXY_UNREACHABLE', () => through(proxy, MANAGER, 60));
    expect(message).to.include('gave no connection to manager.example:1515 within 0.06 s');
    await proxy.closed;
  });

  it('names the proxy also where the wait for TLS ends first', async () => {
    const proxy = await proxied({ answer: () => {} });
    const dial = proxyDial(proxy.settings, directDial(MS), MS);
    const options = { trust: { insecure: true }, dial, timeoutMs: 60 };
    const { message } = await failure('PROXY_UNREACHABLE', () => connectTls(MANAGER, options, AbortSignal.timeout(MS)));
    expect(message).to.include('The proxy http://127.0.0.1');
  });

  it('ends at once, and the connection with it, when it is interrupted', async () => {
    const controller = new AbortController();
    const proxy = await proxied({ answer: () => controller.abort(new EnrollError('INTERRUPTED', 'Interrupted.')) });
    await failure('INTERRUPTED', () => through(proxy, MANAGER, MS, controller.signal));
    await proxy.closed;
    await failure('INTERRUPTED', () => through(proxy, MANAGER, MS, controller.signal));
    expect(proxy.requests).to.have.length(1);
  });

  it('tells a proxy that is not there', async () => {
    const proxy = await connectProxy();
    await proxy.close();
    const { message, retryable } = await failure('PROXY_UNREACHABLE', () => through(proxy));
    expect(message).to.match(/^The proxy http:\/\/127\.0\.0\.1:\d+ cannot be reached: .* refused the connection\.$/);
    expect(retryable).to.equal(true);
  });

  it('sends no host that would begin another line', async () => {
    const proxy = await proxied();
    await failure('SETTING_INVALID', () => through(proxy, { host: 'a\r\nX: b', port: 1 }));
    expect(proxy.requests).to.deep.equal([]);
  });

  it('does not speak to an https proxy that nobody vouches for', async () => {
    const proxy = await proxied({ identity: certificates().server });
    const { message, hint } = await failure('CERTIFICATE_UNTRUSTED', () => through(proxy));
    expect(message).to.match(/^The proxy https:\/\/127\.0\.0\.1:\d+ has a certificate that is not trusted/);
    expect(hint).to.include('NODE_EXTRA_CA_CERTS');
    expect(proxy.requests).to.deep.equal([]);
  });

  it('does not let the environment drop that either', async () => {
    const proxy = await proxied({ identity: certificates().server, credentials: 'web:secret' });
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await failure('CERTIFICATE_UNTRUSTED', () => through(proxy));
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
    expect(proxy.requests).to.deep.equal([]);
  });

  it('speaks TLS with the manager inside of that with an https proxy', async () => {
    const { server: identity, ca } = certificates();
    const server = await keep(tlsServer({ onData: (socket, record) => socket.end(record) }, { identity }));
    const proxy = await proxied({ identity, names: { [MANAGER.host]: server.endpoint } });
    const directory = await mkdtemp(join(tmpdir(), 'agent-enroll-roots-'));
    opened.push({ close: () => rm(directory, { recursive: true }) });
    const roots = join(directory, 'ca.pem');
    await writeFile(roots, ca.certificate);
    // The roots are read once a process.
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', NESTED], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: roots, PROXY: JSON.stringify(proxy.settings) },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 5000,
    });
    let said = '';
    for await (const chunk of child.stdout) said += String(chunk);
    expect(said).to.equal('there and back');
    expect(proxy.requests).to.have.length(1);
  });

  it('tells an https proxy that speaks no TLS', async () => {
    const server = await keep(plainServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const dial = proxyDial({ endpoint: server.endpoint, secure: true, explicit: true, except: [] }, directDial(MS), MS);
    const { message } = await failure('PROXY_UNREACHABLE', () => dial(MANAGER, AbortSignal.timeout(MS)));
    expect(message).to.include('does not speak TLS');
  });
});
