import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { systemCode } from '../../../src/errors.js';
import { type HttpsCertificates, issueHttpsCertificates } from '../../../src/sandbox/https/certificates.js';
import { type HttpsSandbox, startHttpsSandbox } from '../../../src/sandbox/https/manager.js';
import { issueCertificate } from '../../../src/sandbox/own-certificate.js';
import { Client, type Reply } from './client.js';
import { type Recorded, VECTORS } from './vectors.js';

const HEAD = 'Host: x\r\nprotocol-version: 1\r\nContent-Type: application/json\r\n';

describe('the port of a Wazuh 5 sandbox', () => {
  let certificates: HttpsCertificates;
  let sandbox: HttpsSandbox;
  let client: Client;

  before(async () => {
    certificates = await issueHttpsCertificates();
    sandbox = await startHttpsSandbox({ certificates });
    client = new Client(sandbox);
  });

  after(async () => {
    client.close();
    await sandbox.close();
  });

  const tls = (options: ConnectionOptions = {}, to = sandbox) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ ...to.endpoints.https, ca: to.ca, ...options }, () => resolve(socket));
      socket.on('error', reject);
    });
  /** What comes back for these bytes, up to where it matches or the connection ends. */
  const exchange = async (socket: TLSSocket, text: string, wanted: RegExp) => {
    socket.setEncoding('latin1').write(text);
    let got = '';
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      got += String(chunk);
      if (wanted.test(got)) break;
    }
    return got;
  };

  it('speaks TLS 1.3 alone, without ALPN, and shows a certificate of its CA for its address', async () => {
    const socket = await tls({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect([socket.getProtocol(), socket.alpnProtocol, socket.authorized]).to.deep.equal(['TLSv1.3', false, true]);
    socket.destroy();
    const refused: unknown = await tls({ maxVersion: 'TLSv1.2' }).catch((thrown: unknown) => thrown);
    // Alert 70.
    expect(systemCode(refused)).to.equal('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('closes on plain HTTP without a byte', async () => {
    const socket = connectTcp(sandbox.endpoints.https);
    socket.write('GET /wazuh-manager/ HTTP/1.1\r\nHost: x\r\n\r\n');
    let got = '';
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString();
    });
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(got).to.not.contain('HTTP');
  });

  it('wants a certificate of the CA that it was given', async () => {
    const authority = await issueCertificate({ commonName: 'clients', authority: true });
    const own = await issueCertificate({ commonName: 'web-01', issuer: authority });
    const mutual = await startHttpsSandbox({ certificates, clientCa: authority.certificate });
    try {
      const bare = await tls({}, mutual);
      const error: unknown = await exchange(bare, 'GET / HTTP/1.1\r\n\r\n', /never/).catch((thrown: unknown) => thrown);
      // Alert 116, on the first read.
      expect(systemCode(error)).to.match(/CERTIFICATE_REQUIRED/);
      const shown = await tls({ cert: own.certificate, key: own.key.reveal() }, mutual);
      expect(await exchange(shown, 'GET /wazuh-manager/ HTTP/1.1\r\nHost: x\r\n\r\n', /\}/)).to.contain('200 OK');
      shown.destroy();
    } finally {
      await mutual.close();
    }
  });

  it('answers the probe, and 404 to HEAD', async () => {
    const probe = await client.ask('');
    expect(probe).to.include({ status: 200, body: '{"status":"ok","module":"remoted"}' });
    expect(probe?.headers).to.have.all.keys('server', 'date', 'content-type', 'content-length');
    expect((await client.ask('', { method: 'HEAD' }))?.status).to.equal(404);
  });

  it('keeps a connection, ends it with a route that is none, and says which one a request came over', async () => {
    const events: unknown[] = [];
    const own = await startHttpsSandbox({
      certificates,
      onEvent: (event) => event.type === 'https request' && events.push([event.connection, event.path, event.status]),
    });
    const asking = new Client(own);
    const [first, second] = [await asking.ask(''), await asking.ask('')];
    const third = await asking.ask('nowhere');
    const fourth = await asking.ask('');
    asking.close();
    await own.close();
    expect([second?.from, third?.from]).to.deep.equal([first?.from, first?.from]);
    expect(fourth?.from).to.not.equal(first?.from);
    expect(third?.headers).to.include({ connection: 'close' }).and.not.have.any.keys('server', 'date');
    const probe = '/wazuh-manager/';
    expect(events).to.deep.equal([
      [1, probe, 200],
      [1, probe, 200],
      [1, '/wazuh-manager/nowhere', 404],
      [2, probe, 200],
    ]);
  });

  it('never says 100 Continue, and answers once the body is there', async () => {
    const socket = await tls();
    socket.write(`POST /wazuh-manager/enroll HTTP/1.1\r\n${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
    // What is answered to another connection in between was asked later.
    await client.ask('');
    expect(socket.read()).to.equal(null);
    expect(await exchange(socket, '{}', /\}\}/)).to.match(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  it('takes a body in chunks', async () => {
    const socket = await tls();
    const head = `POST /wazuh-manager/control HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
    expect(await exchange(socket, `${head}1\r\n{\r\n1\r\n}\r\n0\r\n\r\n`, /\}/)).to.match(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  it('takes 16 KiB of a body, and no more', async () => {
    const body = (length: number) => JSON.stringify({ x: 'x'.repeat(length - 8) });
    expect(body(16_384)).to.have.length(16_384);
    const headers = { 'protocol-version': '1' };
    expect((await client.ask('enroll', { body: body(16_384), headers }))?.status).to.equal(401);
    const tooLong = await client.ask('enroll', { body: body(16_385), headers });
    expect(tooLong?.status).to.equal(413);
    expect(JSON.parse(tooLong?.body ?? '').error.code).to.equal(0);
    expect((await client.ask('control', { body: body(16_385), headers }))?.status).to.equal(413);
  });

  it('wants protocol-version once, and to be 1', async () => {
    for (const version of [undefined, '2', ['1', '1']]) {
      const headers: Record<string, string | string[]> = version === undefined ? {} : { 'protocol-version': version };
      expect((await client.ask('enroll', { body: '{}', headers }))?.status, String(version)).to.equal(400);
      expect((await client.ask('control', { body: '{}', headers }))?.status, String(version)).to.equal(400);
    }
  });

  it('gives the CA, and the generation of it', async () => {
    const reply = await client.ask('cacerts');
    expect(reply).to.include({ status: 200, body: sandbox.ca });
    expect(reply?.headers).to.include({ 'content-type': 'application/x-pem-file', 'wazuh-ca-generation': '0' });
  });

  describe('is what discovery finds', () => {
    const managers: Readonly<Record<string, Parameters<typeof startHttpsSandbox>[0]>> = {
      'stock 5.x': {},
      '5.x without a prefix': { prefix: '/' },
      '5.x, no CA published': { cacerts: 'absent' },
      'CMAC generation': { generation: 'cmac' },
      'JWT without tokens': { generation: 'jwt' },
    };
    for (const { name, seen } of VECTORS.discovery.filter((vector) => vector.name in managers)) {
      it(name, async () => {
        const own = await startHttpsSandbox({ certificates, ...managers[name] });
        const asking = new Client(own);
        try {
          for (const [request, wanted] of Object.entries(seen)) {
            const [, method, path] = /^(GET|POST) ([^ ,]+)/.exec(request) ?? [];
            if (path === undefined || typeof wanted === 'string') continue;
            const reply = await asking.askAt(new URL(path, own.url), {
              ...(method === 'POST' ? { body: '{}', headers: { 'protocol-version': '1' } } : {}),
            });
            compare(reply, wanted);
          }
        } finally {
          asking.close();
          await own.close();
        }
      });
    }
  });
});

function compare(reply: Reply | undefined, { status, headers = {}, body = '' }: Recorded): void {
  expect(reply?.status).to.equal(status);
  const ends = body.endsWith('…');
  if (ends) expect(reply?.body.startsWith(body.slice(0, -1))).to.equal(true);
  else expect(reply?.body).to.equal(body);
  for (const name of ['Server', 'Content-Type', 'Connection', 'WWW-Authenticate']) {
    if (name === 'Content-Type' && headers[name] === undefined) continue;
    expect(reply?.headers[name.toLowerCase()], name).to.equal(headers[name]);
  }
}
