import type { Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { opener } from '../../../src/link/message/open.js';
import { openTcp } from '../../../src/link/message/tcp.js';
import type { Dial } from '../../../src/net/connect.js';
import { cleanUp, codeOf, dial, hasIpv6, kept, PING, soon, tcpServer, text, udpServer } from './loopback.js';

for (const host of ['127.0.0.1', '::1']) {
  describe(`link/open on ${host}`, () => {
    afterEach(cleanUp);

    it('carries messages both ways', async function () {
      if (host === '::1' && !(await hasIpv6())) return this.skip();
      const tcpPort = await tcpServer((socket) => socket.pipe(socket), host);
      const udpPort = await udpServer((message, reply) => reply(message), host);
      for (const [protocol, port] of [
        ['tcp', tcpPort],
        ['udp', udpPort],
      ] as const) {
        const transport = kept(await opener({ host, port }, { dial, timeoutMs: 2000 })(protocol, soon()));
        expect(transport.protocol).to.equal(protocol);
        await transport.send(PING);
        expect(text(await transport.receive(soon()))).to.equal('#ping');
        await transport.send(Buffer.alloc(6000, 'x'));
        expect(text(await transport.receive(soon()))).to.equal('x'.repeat(6000));
      }
    });
  });
}

describe('link/open through a proxy', () => {
  afterEach(cleanUp);

  it('does not know the address that the manager sees, which is known without one', async () => {
    const port = await tcpServer(() => {});
    for (const [proxied, address] of [
      [true, undefined],
      [false, '127.0.0.1'],
      [undefined, '127.0.0.1'],
    ] as const) {
      const options = { dial, timeoutMs: 2000, ...(proxied === undefined ? {} : { proxied }) };
      const transport = kept(await opener({ host: '127.0.0.1', port }, options)('tcp', soon()));
      expect(transport.localAddress, String(proxied)).to.equal(address);
    }
  });
});

describe('link/open, aborted', () => {
  afterEach(cleanUp);

  const reason = new EnrollError('TERMINATED', 'Terminated.');

  for (const protocol of ['tcp', 'udp'] as const) {
    it(`${protocol}: a wait ends with the signal, and the next message is still received`, async () => {
      const port =
        protocol === 'tcp'
          ? await tcpServer((socket) => socket.pipe(socket))
          : await udpServer((message, reply) => reply(message));
      const transport = kept(await opener({ host: '127.0.0.1', port }, { dial, timeoutMs: 2000 })(protocol, soon()));
      const controller = new AbortController();
      const waiting = codeOf(transport.receive(controller.signal));
      controller.abort(reason);
      expect(await waiting).to.equal('TERMINATED');
      expect(await codeOf(transport.receive(controller.signal))).to.equal('TERMINATED');
      await transport.send(PING);
      expect(text(await transport.receive(soon()))).to.equal('#ping');
      const last = codeOf(transport.receive(soon()));
      transport.close();
      expect(await last).to.equal('CONNECTION_FAILED');
    });

    it(`${protocol}: opening ends with the signal`, async () => {
      const open = opener({ host: 'localhost', port: 9 }, { dial, timeoutMs: 2000 });
      expect(await codeOf(open(protocol, AbortSignal.abort(reason)))).to.equal('TERMINATED');
      const controller = new AbortController();
      const opening = codeOf(open(protocol, controller.signal));
      controller.abort(reason);
      expect(await opening).to.equal('TERMINATED');
    });
  }

  it('tcp: a connection that comes after the abort is not kept', async () => {
    const port = await tcpServer(() => {});
    const controller = new AbortController();
    let socket: Socket | undefined;
    const late: Dial = async (endpoint, signal) => {
      socket = await dial(endpoint, signal);
      controller.abort(reason);
      return socket;
    };
    expect(await codeOf(openTcp({ host: '127.0.0.1', port }, late, controller.signal))).to.equal('TERMINATED');
    expect(socket?.destroyed).to.equal(true);
  });
});
