import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError, type ErrorCode } from '../../../src/errors.js';
import { frame } from '../../../src/link/message/framing.js';
import { openTcp } from '../../../src/link/message/tcp.js';
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
  });

  it('tells that nobody listens', async () => {
    const port = await tcpServer(() => {});
    cleanUp();
    expect(await codeOf(openTcp({ host: '127.0.0.1', port }, dial, soon()))).to.equal('CONNECTION_REFUSED');
  });
});
