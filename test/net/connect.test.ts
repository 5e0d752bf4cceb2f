import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect as openSocket, type Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { directDial, inTurns } from '../../src/net/connect.js';
import type { Lookup } from '../../src/net/lookup.js';

const four = (address: string) => ({ address, family: 4 });
const six = (address: string) => ({ address, family: 6 });
const to =
  (...addresses: readonly string[]): Lookup =>
  async () =>
    addresses.map((address) => (address.includes(':') ? six(address) : four(address)));
const soon = () => AbortSignal.timeout(8000);

describe('net/connect', function () {
  this.timeout(15_000);
  const cleanups: (() => void)[] = [];
  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  });
  const kept = (socket: Socket): Socket => {
    cleanups.push(() => socket.destroy());
    return socket;
  };

  const server = async (host = '127.0.0.1', port = 0): Promise<{ port: number; taken: () => number }> => {
    let taken = 0;
    const sockets = new Set<Socket>();
    const listening = createServer((socket) => {
      taken += 1;
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
    });
    cleanups.push(() => {
      listening.close();
      for (const socket of sockets) socket.destroy();
    });
    listening.listen(port, host);
    await once(listening, 'listening');
    const address = listening.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { port: address.port, taken: () => taken };
  };

  /** A port of a process that does not run: connections hang, once its queue is full, until it goes on. */
  const stopped = async (host: string, port: number): Promise<ChildProcess> => {
    const listen = `require('node:net').createServer((s) => s.on('error', () => {})).listen({ host: '${host}', port: ${port}, backlog: 1 }, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    cleanups.push(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    for (let full = false; !full; ) {
      const socket = kept(openSocket({ host, port }));
      socket.on('error', () => {});
      full = await Promise.race([
        once(socket, 'connect').then(() => false),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 300)),
      ]);
    }
    return child;
  };

  it('tries the families in turn, beginning with that of the first address', () => {
    const [a, b, c, d] = [four('192.0.2.1'), four('192.0.2.2'), six('2001:db8::1'), four('192.0.2.3')];
    expect(inTurns([a, b, c, d])).to.deep.equal([a, c, b, d]);
    expect(inTurns([c, a, b])).to.deep.equal([c, a, b]);
    expect(inTurns([a, b])).to.deep.equal([a, b]);
    expect(inTurns([])).to.deep.equal([]);
  });

  it('goes on to the next address at once where one refuses', async () => {
    const { port } = await server('127.0.0.3');
    const began = performance.now();
    const dial = directDial(3000, to('127.0.0.1', '127.0.0.2', '127.0.0.3'));
    const socket = kept(await dial({ host: 'manager', port }, soon()));
    expect(socket.remoteAddress).to.equal('127.0.0.3');
    // Whoever waited 250 ms for each of the two would need 500.
    expect(performance.now() - began).to.be.below(480);
  });

  it('says that it was refused where one of the addresses did, and the other leads nowhere', async () => {
    const { port } = await server();
    cleanups.pop()?.();
    const unreachable: Lookup = async () => [{ address: '255.255.255.255', family: 4 }, four('127.0.0.1')];
    const dial = directDial(3000, unreachable);
    const failure = await dial({ host: 'manager', port }, soon()).catch((thrown: unknown) => thrown);
    expect(failure).to.be.instanceOf(EnrollError).with.property('code', 'CONNECTION_REFUSED');
  });

  it('keeps one connection where several addresses answer', async () => {
    const one = await server('127.0.0.1');
    const other = await server('127.0.0.2', one.port);
    const socket = kept(
      await directDial(3000, to('127.0.0.1', '127.0.0.2'))({ host: 'manager', port: one.port }, soon()),
    );
    expect(socket.remoteAddress).to.equal('127.0.0.1');
    expect(other.taken()).to.equal(0);
  });

  it('waits for an address that is good and slow, while a dead one is tried beside it', async function () {
    if (process.platform !== 'linux') return this.skip();
    const { port } = await server();
    const slow = await stopped('127.0.0.2', port);
    await stopped('127.0.0.3', port);
    const dialing = directDial(6000, to('127.0.0.2', '127.0.0.3'))({ host: 'manager', port }, soon());
    // Longer than an address has for itself: the dead one is being tried by now.
    setTimeout(() => slow.kill('SIGCONT'), 600);
    const socket = kept(await dialing);
    expect(socket.remoteAddress).to.equal('127.0.0.2');
  });

  it('does not let a dead address hold up the next one', async function () {
    if (process.platform !== 'linux') return this.skip();
    const { port } = await server('127.0.0.3');
    await stopped('127.0.0.2', port);
    const began = performance.now();
    const socket = kept(await directDial(6000, to('127.0.0.2', '127.0.0.3'))({ host: 'manager', port }, soon()));
    expect(socket.remoteAddress).to.equal('127.0.0.3');
    expect(performance.now() - began).to.be.within(200, 3000);
  });

  it('gives up a name after its time', async () => {
    const slow = directDial(200, () => new Promise(() => {}));
    const failure = await slow({ host: 'manager', port: 9 }, soon()).catch((thrown: unknown) => thrown);
    expect(failure).to.be.instanceOf(EnrollError).with.property('code', 'HOST_UNRESOLVED');
  });

  it('gives up a connection after its time', async function () {
    if (process.platform !== 'linux') return this.skip();
    const { port } = await server();
    await stopped('127.0.0.2', port);
    const dial = directDial(300, to('127.0.0.2'));
    const late = await dial({ host: 'manager', port }, soon()).catch((thrown: unknown) => thrown);
    expect(late).to.be.instanceOf(EnrollError).with.property('code', 'CONNECTION_TIMED_OUT');
  });

  it('ends with the signal', async () => {
    const stop = new AbortController();
    const reason = new EnrollError('TERMINATED', 'Terminated.');
    const dialing = directDial(3000, () => new Promise(() => {}))({ host: 'manager', port: 9 }, stop.signal);
    stop.abort(reason);
    expect(await dialing.catch((thrown: unknown) => thrown)).to.equal(reason);
  });

  it('tells a name without an address', async () => {
    const failure = await directDial(300, to())({ host: 'manager', port: 9 }, soon()).catch(
      (thrown: unknown) => thrown,
    );
    expect(failure).to.be.instanceOf(EnrollError).with.property('code', 'HOST_UNRESOLVED');
  });
});
