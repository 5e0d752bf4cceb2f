import { createServer as createHttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { LinkError } from '../../../src/link/link-error.js';
import type { LinkProof } from '../../../src/link/link-proof.js';
import type { HandshakeRequest } from '../../../src/link/message/handshake-request.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/manager.js';
import { issueStockCertificate } from '../../../src/sandbox/own-certificate.js';
import { cleanUp, closedUdpPort, tcpServer, udpServer } from './loopback.js';
import { freePort, proveOn, verdict } from './proving.js';

/** What is on the port, what a handshake must come to, and what is asked for. */
type Case = readonly [string, () => Promise<number>, string, Partial<HandshakeRequest>?];

const onMessage = (act: (socket: Socket) => void) => () =>
  tcpServer((socket) => void socket.once('data', () => act(socket)));

describe('who is on the agent port, over real sockets', function () {
  this.timeout(30_000);
  const closing: (() => Promise<unknown> | unknown)[] = [];
  const outcomes = new Map<string, LinkProof | LinkError>();

  const manager = async (family: 'wazuh-3' | 'wazuh-4' | 'ossec'): Promise<Sandbox> => {
    const sandbox = await startSandbox({ family, keyReloadMs: 600_000, certificate: await issueStockCertificate() });
    closing.push(() => sandbox.close());
    return sandbox;
  };
  const listening = async (server: import('node:net').Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    return address.port;
  };
  const secure = async () => {
    const { certificate, key } = await issueStockCertificate();
    const server = createTlsServer({ cert: certificate, key: key.reveal() });
    server.on('tlsClientError', () => {});
    return await listening(server);
  };

  const cases: readonly Case[] = [
    ['a Wazuh 4', async () => (await manager('wazuh-4')).endpoints.agent.port, 'remoted'],
    ['a Wazuh 3', async () => (await manager('wazuh-3')).endpoints.agent.port, 'refused-message', { waitMs: 9000 }],
    ['an OSSEC', async () => (await manager('ossec')).endpoints.agent.port, 'silent-udp'],
    ['the authd of a manager', async () => (await manager('wazuh-4')).endpoints.authd.port, 'closes'],
    ['a web server', () => listening(createHttpServer((_request, response) => response.end('hello'))), 'http'],
    ['a service with TLS that ends without an alert', secure, 'closes'],
    ['a service with TLS', onMessage((socket) => socket.end(Buffer.from('15030300020246', 'hex'))), 'tls'],
    ['an SSH server', () => tcpServer((socket) => void socket.write('SSH-2.0-OpenSSH_9.2p1\r\n')), 'ssh'],
    [
      'an SSH server that ends with our message',
      () =>
        tcpServer((socket) => {
          socket.write('SSH-2.0-OpenSSH_9.2p1\r\n');
          socket.once('data', () => socket.end('Invalid SSH identification string.\r\n'));
        }),
      'ssh',
    ],
    [
      'a mail server that takes its time',
      () =>
        tcpServer((socket) => {
          const greeting = setTimeout(() => socket.write('220 mail ESMTP\r\n'), 700);
          socket.once('close', () => clearTimeout(greeting));
        }),
      'text',
    ],
    ['junk', onMessage((socket) => void socket.write(Buffer.from('ff00ff00ff', 'hex'))), 'unknown'],
    ['something that takes and closes', () => tcpServer((socket) => void socket.end()), 'closes'],
    ['something that takes and resets', () => tcpServer((socket) => void socket.resetAndDestroy()), 'closes'],
    [
      'something that takes, waits and closes',
      () => tcpServer((socket) => void setTimeout(() => socket.end(), 600)),
      'closes',
    ],
    ['something that closes with the first byte', onMessage((socket) => void socket.destroy()), 'closes'],
    ['something that takes and is silent', () => tcpServer((socket) => void socket.resume()), 'silent'],
    ['nothing', async () => await freePort(), 'closed', { protocol: 'tcp' }],
    ['nothing over UDP', closedUdpPort, 'closed', { protocol: 'udp' }],
    [
      'junk over UDP',
      () => udpServer((_message, reply) => reply(Buffer.from('ff00ff00ff', 'hex'))),
      'unknown',
      { protocol: 'udp' },
    ],
    ['silence over UDP', () => udpServer(() => {}), 'silent', { protocol: 'udp' }],
  ];

  before(async () => {
    await Promise.all(
      cases.map(async ([what, started, , asked]) => {
        outcomes.set(what, await proveOn(await started(), asked));
      }),
    );
  });
  after(async () => {
    cleanUp();
    await Promise.all(closing.map((close) => close()));
  });

  for (const [what, , expected] of cases) {
    it(`${what}: ${expected}`, () => {
      const outcome = outcomes.get(what);
      if (outcome === undefined) throw new Error('not tried');
      expect(verdict(outcome), outcome instanceof LinkError ? outcome.message : '').to.equal(expected);
    });
  }

  it('is the enrollment port, where it is known for that', async () => {
    const { endpoints } = await manager('wazuh-4');
    const { port } = endpoints.authd;
    expect(verdict(await proveOn(port, { enrollmentPort: port, waitMs: 700 }))).to.equal('authd');
  });

  it('is a manager, from this address', () => {
    const outcome = outcomes.get('a Wazuh 4');
    if (!(outcome instanceof LinkError)) throw new Error('no evidence');
    expect(outcome.evidence.localAddress).to.equal('127.0.0.1');
  });
});

describe('a handshake over real sockets', function () {
  this.timeout(15_000);

  it('looks a name up again that did not resolve', async () => {
    const sandbox = await startSandbox({
      family: 'wazuh-4',
      keyReloadMs: 50,
      certificate: await issueStockCertificate(),
    });
    try {
      let looked = 0;
      const lookup = async () => {
        looked += 1;
        if (looked > 2) return [{ address: '127.0.0.1', family: 4 }];
        throw Object.assign(new Error('getaddrinfo EAI_AGAIN manager'), { code: 'EAI_AGAIN' });
      };
      const { port } = sandbox.endpoints.agent;
      const outcome = await proveOn(port, { endpoint: { host: 'manager.example', port }, lookup, waitMs: 1500 });
      // The key is not known there: that the manager was reached shows in what it said.
      expect(verdict(outcome)).to.equal('remoted');
      expect(looked).to.be.above(2);
    } finally {
      await sandbox.close();
    }
  });

  it('says that the name did not resolve, when the wait is over', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
    const outcome = await proveOn(9, { endpoint: { host: 'manager.example', port: 9 }, lookup, waitMs: 800 });
    expect(verdict(outcome)).to.equal('unresolved');
    expect(outcome).to.have.property('message').that.includes('manager.example could not be resolved');
  });

  it('leaves a look-up behind that hangs', async () => {
    const began = performance.now();
    const outcome = await proveOn(9, {
      endpoint: { host: 'manager.example', port: 9 },
      lookup: () => new Promise(() => {}),
      waitMs: 500,
    });
    expect(verdict(outcome)).to.equal('silent');
    expect(performance.now() - began).to.be.below(1500);
  });
});
