import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Dial } from '../../src/net/connect.js';
import { firstConnection } from '../../src/net/first-connection.js';

const never = new AbortController().signal;
const anywhere = { host: 'manager.example', port: 1515 };

describe('a connection that is opened ahead', () => {
  let server: Server;
  let dialled: Socket[];
  let dial: Dial;
  beforeEach(async () => {
    dialled = [];
    server = createServer((socket) => void socket.on('error', () => {}));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    dial = async () => {
      const socket = connect(address.port, '127.0.0.1');
      dialled.push(socket);
      await once(socket, 'connect');
      return socket;
    };
  });
  afterEach(() => {
    for (const socket of dialled) socket.destroy();
    server.close();
  });

  it('is given to the first who needs it, and to nobody else', async () => {
    const first = firstConnection(dial);
    await first.open(anywhere, never);
    expect(await first.dial(anywhere, never)).to.equal(dialled[0]);
    expect(await first.dial(anywhere, never)).to.equal(dialled[1]);
    expect(dialled).to.have.length(2);
  });
  it('is given also where it is not there yet: no second one is made', async () => {
    const first = firstConnection(dial);
    const opened = first.open(anywhere, never);
    expect(await first.dial(anywhere, never)).to.equal(dialled[0]);
    await opened;
    expect(dialled).to.have.length(1);
  });
  it('is made anew where it has ended meanwhile', async () => {
    const first = firstConnection(dial);
    await first.open(anywhere, never);
    dialled[0]?.destroy();
    expect(await first.dial(anywhere, never)).to.equal(dialled[1]);
  });
  it('ends where nobody has taken it, whenever it comes about', async () => {
    const first = firstConnection(dial);
    const opened = first.open(anywhere, never);
    first.close();
    await opened;
    const [socket] = dialled;
    if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
    expect(socket?.destroyed).to.equal(true);
  });
  it('fails for whoever waits for it, and is tried again by the next', async () => {
    let tries = 0;
    const failing: Dial = async (endpoint, signal) => {
      tries += 1;
      if (tries === 1) throw new Error('refused');
      return await dial(endpoint, signal);
    };
    const first = firstConnection(failing);
    expect(await first.open(anywhere, never).catch((error: Error) => error.message)).to.equal('refused');
    expect(await first.dial(anywhere, never).catch((error: Error) => error.message)).to.equal('refused');
    expect(await first.dial(anywhere, never)).to.equal(dialled[0]);
  });
});
