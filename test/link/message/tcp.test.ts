import { once } from 'node:events';
import { Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { frame } from '../../../src/link/message/framing.js';
import { openTcp } from '../../../src/link/message/tcp.js';
import { thrownBy } from '../../files/scratch.js';
import { cleanUp, codeOf, dial, kept, PING, soon, tcpServer, text } from './loopback.js';

describe('link/tcp', () => {
  afterEach(cleanUp);

  it('keeps messages that arrive before anyone receives, in order, then tells the end', async () => {
    const port = await tcpServer((socket) => socket.end(Buffer.concat([frame(Buffer.from('a')), frame(PING)])));
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    expect(text(await transport.receive(soon()))).to.equal('a');
    expect(text(await transport.receive(soon()))).to.equal('#ping');
    expect(await transport.receive(soon())).to.equal(undefined);
    expect(await transport.receive(soon())).to.equal(undefined);
    expect(await codeOf(transport.send(PING))).to.equal('CONNECTION_FAILED');
  });

  it('tells a reset from a regular end', async () => {
    const port = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    await transport.send(PING);
    expect(await codeOf(transport.receive(soon()))).to.equal('CONNECTION_FAILED');
    expect(await codeOf(transport.send(PING))).to.equal('CONNECTION_FAILED');
  });

  it('tells a message that was cut off', async () => {
    const port = await tcpServer((socket) => socket.end(frame(PING).subarray(0, 6)));
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    expect(await codeOf(transport.receive(soon()))).to.equal('CONNECTION_FAILED');
  });

  it('breaks off a stream that is no remoted, such as a web server', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const port = await tcpServer((socket) => {
      closed = once(socket, 'close');
      socket.resume().write('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    const outcome = await transport.receive(soon()).catch((thrown: unknown) => thrown);
    expect(outcome).to.be.instanceOf(EnrollError).with.property('code', 'CONNECTION_FAILED');
    expect(outcome).to.have.property('message').that.includes('1347703880 bytes');
    expect(outcome).to.have.property('hint').that.includes('--port');
    await closed;
  });

  it('reads no further ahead than its bound, and loses nothing', async () => {
    const count = 400;
    let accept = (_socket: Socket) => {};
    const accepted = new Promise<Socket>((resolve) => {
      accept = resolve;
    });
    const port = await tcpServer((socket) => {
      accept(socket);
      for (let at = 0; at < count; at += 1) socket.write(frame(Buffer.alloc(65536, at % 251)));
    });
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    // The manager gets rid of its bytes until the buffers between the two are full, and then of no more.
    const manager = await accepted;
    let unsent = -1;
    while (unsent !== manager.writableLength) {
      unsent = manager.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(unsent).to.be.above(10_000_000);
    for (let at = 0; at < count; at += 1) {
      const message = await transport.receive(soon());
      expect([message?.length, message?.[0], message?.[65535]]).to.deep.equal([65536, at % 251, at % 251]);
    }
  });

  it('hands over the last message before it closes, though something is unread', async () => {
    const got: Buffer[] = [];
    let over = (_brokenOff: boolean) => {};
    const ended = new Promise<boolean>((resolve) => {
      over = resolve;
    });
    const port = await tcpServer((socket) => {
      socket.on('close', over);
      socket.on('data', (chunk: Buffer) => got.push(chunk));
      socket.write(Buffer.concat(Array.from({ length: 100 }, () => frame(Buffer.alloc(60000)))));
    });
    const transport = await openTcp({ host: '127.0.0.1', port }, dial, soon());
    await transport.receive(soon());
    await transport.send(Buffer.from('shutdown'));
    transport.close();
    transport.close();
    expect(await ended, 'broken off').to.equal(false);
    expect(Buffer.concat(got).toString('hex')).to.equal(Buffer.from(frame(Buffer.from('shutdown'))).toString('hex'));
    expect(await codeOf(transport.send(PING))).to.equal('CONNECTION_FAILED');
  });

  it('does not pile up messages for a manager that reads none', async () => {
    const port = await tcpServer((socket) => socket.pause());
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    let code: ErrorCode | 'none' = 'none';
    for (let sent = 0; sent < 1000 && code === 'none'; sent += 1) {
      code = await codeOf(transport.send(Buffer.alloc(65536)));
    }
    expect(code).to.equal('CONNECTION_FAILED');
    const error = await thrownBy(transport.send(Buffer.alloc(1)));
    expect(error).to.have.property('message', `127.0.0.1:${port} no longer takes messages.`);
  });

  it('says how the connection ended, and that it did when something is sent', async () => {
    const ends: readonly (readonly [(socket: Socket) => unknown, string])[] = [
      [(socket) => socket.end(), '127.0.0.1:PORT has closed the connection.'],
      [(socket) => socket.end(frame(PING).subarray(0, 6)), '127.0.0.1:PORT closed the connection within a message.'],
      [
        (socket) => socket.once('data', () => socket.resetAndDestroy()),
        'The connection to 127.0.0.1:PORT broke (ECONNRESET).',
      ],
    ];
    for (const [end, words] of ends) {
      const port = await tcpServer(end);
      const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
      await transport.send(PING);
      await transport.receive(soon()).catch(() => undefined);
      const error = await thrownBy(transport.send(PING));
      expect(error).to.have.property('message', words.replace('PORT', String(port)));
      if (words.includes('broke')) expect(error).to.have.nested.property('cause.code', 'ECONNRESET');
    }
    const port = await tcpServer(() => {});
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    transport.close();
    const words = `The connection to 127.0.0.1:${port} was closed by this host.`;
    expect(await thrownBy(transport.send(PING))).to.have.property('message', words);
    expect(await thrownBy(transport.receive(soon()))).to.have.property('message', words);
  });

  it('keeps the last byte of a message back until it is asked for', async () => {
    let got = Buffer.alloc(0);
    let arrived = () => {};
    const port = await tcpServer((socket) =>
      socket.on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk]);
        arrived();
      }),
    );
    const transport = kept(await openTcp({ host: '127.0.0.1', port }, dial, soon()));
    const framed = Buffer.from(frame(PING));
    const all = (length: number) =>
      new Promise<void>((resolve) => {
        arrived = () => {
          if (got.length >= length) resolve();
        };
        arrived();
      });
    await transport.send(PING, async () => {
      await all(framed.length - 1);
      expect(got.toString('hex')).to.equal(framed.subarray(0, -1).toString('hex'));
    });
    await all(framed.length);
    expect(got.toString('hex')).to.equal(framed.toString('hex'));
    const sending = transport.send(PING, async () => transport.close());
    expect(await codeOf(sending)).to.equal('CONNECTION_FAILED');
  });

  it('tells from which address this host speaks, as people write it, and not where a proxy is in between', async () => {
    const from = (address: string | undefined) => async () =>
      Object.defineProperty(new Socket(), 'localAddress', { value: address });
    const manager = { host: '192.0.2.1', port: 1514 };
    for (const [address, told] of [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::FFFF:192.0.2.7', '192.0.2.7'],
      ['2001:db8::7', '2001:db8::7'],
      ['::ffff:a00:1', '::ffff:a00:1'],
      ['2001::ffff:10.0.0.1', '2001::ffff:10.0.0.1'],
    ] as const) {
      expect(kept(await openTcp(manager, from(address), soon())).localAddress).to.equal(told);
      expect(kept(await openTcp(manager, from(address), soon(), false)).localAddress).to.equal(undefined);
    }
    expect(kept(await openTcp(manager, from(undefined), soon())).localAddress).to.equal(undefined);
  });

  it('is not opened once the signal is aborted, nor kept where that happens meanwhile', async () => {
    const socket = new Socket();
    const ending = new AbortController();
    let dialled = 0;
    const slow = async () => {
      dialled += 1;
      ending.abort();
      return socket;
    };
    const manager = { host: '192.0.2.1', port: 1514 };
    expect(await codeOf(openTcp(manager, slow, ending.signal))).to.equal('INTERRUPTED');
    expect(socket.destroyed).to.equal(true);
    socket.emit('error', new Error('a late one'));
    expect(await codeOf(openTcp(manager, slow, ending.signal))).to.equal('INTERRUPTED');
    expect(dialled).to.equal(1);
  });

  describe('on a socket that does what the test says', () => {
    async function made() {
      const socket = new Socket();
      const transport = kept(await openTcp({ host: '192.0.2.1', port: 1514 }, async () => socket, soon()));
      return { socket, transport };
    }

    it('tells the end as soon as the manager has sent its last byte, or the socket is gone', async () => {
      const ended = await made();
      ended.socket.emit('end');
      expect(await ended.transport.receive(soon())).to.equal(undefined);
      const gone = await made();
      gone.socket.destroy();
      expect(await gone.transport.receive(soon())).to.equal(undefined);
    });

    it('shows the first 256 bytes that came, whatever they are and in how many pieces', async () => {
      const { socket, transport } = await made();
      expect(transport.firstBytes).to.have.length(0);
      const stream = Buffer.from(frame(Buffer.from(Array.from({ length: 300 }, (_, at) => at % 251))));
      for (const piece of [stream.subarray(0, 100), stream.subarray(100), Buffer.from(frame(PING))]) {
        socket.emit('data', piece);
      }
      expect(await transport.receive(soon())).to.have.length(300);
      expect(text(await transport.receive(soon()))).to.equal('#ping');
      expect(Buffer.from(transport.firstBytes).toString('hex')).to.equal(stream.subarray(0, 256).toString('hex'));
    });

    it('says so where the system gives no reason', async () => {
      const { socket, transport } = await made();
      socket.destroy(new Error('without a code'));
      expect(await thrownBy(transport.receive(soon()))).to.have.property(
        'message',
        'The connection to 192.0.2.1:1514 broke (unknown reason).',
      );
    });

    it('holds a message of the longest for a manager that reads nothing, and no more', async () => {
      for (const [held, outcome] of [
        [65536, 'none'],
        [65537, 'CONNECTION_FAILED'],
      ] as const) {
        const { socket, transport } = await made();
        Object.defineProperty(socket, 'writableLength', { value: held });
        expect(await codeOf(transport.send(PING)), String(held)).to.equal(outcome);
      }
    });

    it('reads on as soon as there is room again, and no sooner', async () => {
      const { socket, transport } = await made();
      socket.emit('data', Buffer.concat(Array.from({ length: 9 }, () => Buffer.from(frame(Buffer.alloc(65536))))));
      expect(socket.isPaused()).to.equal(true);
      await transport.receive(soon());
      expect(socket.isPaused(), 'eight of the longest are left').to.equal(true);
      await transport.receive(soon());
      expect(socket.isPaused()).to.equal(false);
    });

    it('hears nothing more once it is closed, and is not broken off for what comes', async () => {
      const { socket, transport } = await made();
      transport.close();
      socket.emit('data', Buffer.from('HTTP/1.1 400 Bad Request'));
      expect(transport.firstBytes).to.have.length(0);
      expect(socket.destroyed).to.equal(false);
    });

    it('is done with once what was sent last has had its time to arrive', async () => {
      const socket = new Socket();
      const manager = { host: '192.0.2.1', port: 1514 };
      const transport = await openTcp(manager, async () => socket, soon(), true, 5);
      transport.close();
      expect(socket.destroyed).to.equal(false);
      await once(socket, 'close', { signal: soon() });
      expect(socket.destroyed).to.equal(true);
    });
  });

  it('tells that nobody listens', async () => {
    const port = await tcpServer(() => {});
    cleanUp();
    expect(await codeOf(openTcp({ host: '127.0.0.1', port }, dial, soon()))).to.equal('CONNECTION_REFUSED');
  });
});
