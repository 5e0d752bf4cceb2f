import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { opener } from '../../../src/link/message/open.js';
import { addressOrder, openUdp } from '../../../src/link/message/udp.js';
import type { Lookup } from '../../../src/net/lookup.js';
import { thrownBy } from '../../files/scratch.js';
import { cleanUp, closedUdpPort, codeOf, dial, hasIpv6, kept, PING, soon, text, udpServer } from './loopback.js';

describe('link/udp', () => {
  afterEach(cleanUp);

  it('tells that the port is closed, and stays usable', async () => {
    const port = await closedUdpPort();
    const refused = new Set<string>();
    const transport = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon(), refused));
    await transport.send(PING);
    expect(await codeOf(transport.receive(soon()))).to.equal('CONNECTION_REFUSED');
    expect([...refused]).to.deep.equal(['127.0.0.1']);
    await transport.send(PING);
    expect(await codeOf(transport.receive(soon()))).to.equal('CONNECTION_REFUSED');
  });

  it('bears a notice that nobody waits for, and one that comes after the close', async () => {
    const port = await closedUdpPort();
    const waiting = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon()));
    await waiting.send(PING);
    const gone = await openUdp({ host: '127.0.0.1', port }, 2000, soon());
    const sending = codeOf(gone.send(PING));
    gone.close();
    gone.close();
    await sending;
    expect(await codeOf(gone.send(PING))).to.equal('CONNECTION_FAILED');
    expect(await codeOf(gone.receive(soon()))).to.equal('CONNECTION_FAILED');
    // By now both notices have come; an unhandled one would have ended the process.
    expect(await codeOf(waiting.receive(soon()))).to.equal('CONNECTION_REFUSED');
  });

  it('hears its manager alone', async () => {
    const stranger = createSocket('udp4');
    const port = await udpServer((_message, reply, peer) => {
      stranger.send('stranger', peer, '127.0.0.1', () => {
        stranger.close();
        reply(Buffer.from('manager'));
      });
    });
    const transport = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon()));
    await transport.send(PING);
    expect(text(await transport.receive(soon()))).to.equal('manager');
  });

  it('keeps a bounded number of datagrams, and passes over empty ones', async () => {
    let flooded = () => {};
    const flood = new Promise<void>((resolve) => {
      flooded = resolve;
    });
    const port = await udpServer((message, reply) => {
      reply(Buffer.alloc(0));
      if (!message.equals(PING)) return reply(Buffer.from('last'));
      let sent = 0;
      const more = () => {
        for (let burst = 0; burst < 20; burst += 1) reply(Buffer.alloc(1000, 'x'));
        sent += 20;
        if (sent < 2000) setImmediate(more);
        else flooded();
      };
      more();
    });
    const transport = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon()));
    await transport.send(PING);
    await flood;
    let received = 0;
    const idle = AbortSignal.timeout(150);
    while ((await codeOf(transport.receive(idle))) === 'none') received += 1;
    expect(received).to.be.within(1, 1000);
    await transport.send(Buffer.from('again'));
    expect(text(await transport.receive(soon()))).to.equal('last');
  });

  it('takes IPv4 first, and what has refused last', () => {
    const six = { address: '2001:db8::1', family: 6 };
    const four = { address: '192.0.2.1', family: 4 };
    const other = { address: '192.0.2.2', family: 4 };
    expect(addressOrder([six, four, other], new Set())).to.deep.equal([four, other, six]);
    expect(addressOrder([six, four, other], new Set([four.address]))).to.deep.equal([other, six, four]);
    expect(addressOrder([six, four], new Set([four.address, six.address]))).to.deep.equal([four, six]);
  });

  it('turns to the other address once one has refused', async function () {
    const found = await lookup('localhost', { all: true });
    if (new Set(found.map(({ family }) => family)).size < 2 || !(await hasIpv6())) return this.skip();
    const port = await udpServer((message, reply) => reply(message), '::1');
    const open = opener({ host: 'localhost', port }, { dial, timeoutMs: 2000 });
    const first = kept(await open('udp', soon()));
    await first.send(PING);
    expect(await codeOf(first.receive(soon()))).to.equal('CONNECTION_REFUSED');
    const second = kept(await open('udp', soon()));
    await second.send(PING);
    expect(text(await second.receive(soon()))).to.equal('#ping');
  });

  it('shows the first 256 bytes of the first datagram', async () => {
    const first = Buffer.from(Array.from({ length: 300 }, (_, at) => at % 251));
    const port = await udpServer((_message, reply) => {
      reply(first);
      reply(PING);
    });
    const transport = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon()));
    expect(transport.firstBytes).to.have.length(0);
    await transport.send(PING);
    expect(await transport.receive(soon())).to.have.length(300);
    expect(text(await transport.receive(soon()))).to.equal('#ping');
    expect(Buffer.from(transport.firstBytes).toString('hex')).to.equal(first.subarray(0, 256).toString('hex'));
    expect(transport.localAddress).to.equal('127.0.0.1');
  });

  it('keeps a bounded number of notices that nobody waits for', async () => {
    const port = await closedUdpPort();
    const transport = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon()));
    for (let at = 0; at < 200; at += 1) {
      await transport.send(PING).catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    let notices = 0;
    const idle = AbortSignal.timeout(50);
    while ((await codeOf(transport.receive(idle))) === 'CONNECTION_REFUSED') notices += 1;
    expect(notices).to.be.within(1, 64);
  });

  it('holds no timer once it is open', async () => {
    const port = await udpServer(() => {});
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon()));
    expect(timers()).to.equal(before);
  });

  it('passes over an address that this host has no way to, and tells the reason where it has none to any', async () => {
    const port = await udpServer((message, reply) => reply(message));
    const nowhere = { address: 'fe80::1%nowhere', family: 6 };
    // The system takes no IPv6 address for a socket of IPv4.
    const wrong = { address: '::1', family: 4 };
    const here = { address: '127.0.0.1', family: 4 };
    const endpoint = { host: 'manager', port };
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'UDPWRAP').length;
    const before = sockets();
    const none = openUdp(endpoint, 2000, soon(), new Set(), async () => [nowhere, nowhere]);
    expect(await thrownBy(none))
      .to.have.property('message')
      .that.includes('has no interface nowhere');
    expect(sockets(), 'sockets left open').to.equal(before);
    // By the order of the families the other one would be the first.
    const refused = new Set([here.address]);
    const transport = kept(await openUdp(endpoint, 2000, soon(), refused, async () => [here, wrong, nowhere]));
    await transport.send(PING);
    expect(text(await transport.receive(soon()))).to.equal('#ping');
  });

  it('says in words what became of the name', async () => {
    const opened = async (lookup: Lookup) =>
      await thrownBy(openUdp({ host: 'manager', port: 1514 }, 20, soon(), new Set(), lookup));
    const noAddress = await opened(async () => []);
    expect(noAddress).to.include({ code: 'HOST_UNRESOLVED', message: 'The name manager has no address.' });
    const failing = await opened(() => Promise.reject(Object.assign(new Error(), { code: 'EAI_AGAIN' })));
    expect(failing).to.include({
      code: 'HOST_UNRESOLVED',
      message: 'The name manager could not be resolved (EAI_AGAIN).',
    });
    const late = await opened(() => new Promise(() => {}));
    expect(late).to.include({
      code: 'HOST_UNRESOLVED',
      message: 'The name manager could not be resolved within 0.02 s.',
    });
    const own = new EnrollError('HOST_UNRESOLVED', 'Of its own.');
    expect(await opened(() => Promise.reject(own))).to.equal(own);
  });

  it('says that this host has closed it', async () => {
    const port = await udpServer(() => {});
    const transport = await openUdp({ host: '127.0.0.1', port }, 2000, soon());
    transport.close();
    const words = `The connection to 127.0.0.1:${port} was closed by this host.`;
    expect(await thrownBy(transport.send(PING))).to.have.property('message', words);
    expect(await thrownBy(transport.receive(soon()))).to.have.property('message', words);
  });

  it('tells a name that does not resolve', async () => {
    expect(await codeOf(openUdp({ host: 'no..name', port: 1514 }, 2000, soon()))).to.equal('HOST_UNRESOLVED');
  });

  it('tells a message that no datagram can carry', async () => {
    const port = await udpServer(() => {});
    const refused = new Set<string>();
    const transport = kept(await openUdp({ host: '127.0.0.1', port }, 2000, soon(), refused));
    expect(await codeOf(transport.send(Buffer.alloc(65536)))).to.equal('CONNECTION_FAILED');
    expect(refused.size, 'addresses that have refused').to.equal(0);
  });
});
