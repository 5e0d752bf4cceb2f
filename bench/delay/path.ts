import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Endpoint } from '../../src/model/endpoint.js';

/** One connection over a {@link Path}; over UDP the datagrams of one port. */
export interface PathConnection {
  /**
   * How many times in a row the host has waited for the other end: once for the connection itself over TCP, and once more
   * for each answer that came after something that was said when the answer before it was there. What comes after the
   * host has closed is no wait.
   */
  readonly roundTrips: number;
  /** How many times the host has said something: writes that arrive together are one. */
  readonly said: number;
}

/** A way to one port of a manager, on which everything takes its time. */
export interface Path {
  /** Where a host goes in. */
  readonly endpoint: Endpoint;
  readonly connections: readonly PathConnection[];
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

class Counted implements PathConnection {
  readonly #opening: number;
  /** How deep the chain of question and answer is that has arrived at the host, and at the manager. */
  #atHost = 0;
  #atManager = 0;
  closed = false;
  said = 0;

  constructor(opening: number) {
    this.#opening = opening;
  }

  get roundTrips(): number {
    return this.#opening + this.#atHost;
  }

  /** The host says something; what comes back is to be called when it arrives at the manager. */
  ask(): () => void {
    this.said += 1;
    const depth = this.#atHost + 1;
    return () => {
      this.#atManager = Math.max(this.#atManager, depth);
    };
  }

  /** The manager says something; what comes back is to be called when it arrives at the host. */
  answer(): () => void {
    const depth = this.#atManager;
    return () => {
      if (!this.closed) this.#atHost = Math.max(this.#atHost, depth);
    };
  }
}

/**
 * A way over TCP.
 * @param oneWayMs how long everything takes in each direction, in milliseconds; that the connection takes twice that is
 * the dial's to wait for
 */
export async function streamPath(to: Endpoint, oneWayMs: number): Promise<Path> {
  const connections: Counted[] = [];
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (host) => {
    const counted = new Counted(1);
    connections.push(counted);
    const manager = connect({ ...to, noDelay: true, allowHalfOpen: true });
    for (const [from, towards, count] of [
      [host, manager, () => counted.ask()],
      [manager, host, () => counted.answer()],
    ] as const) {
      open.add(from);
      from.on('data', (chunk: Buffer) => {
        const arrived = count();
        setTimeout(() => {
          arrived();
          if (towards.writable) towards.write(chunk);
        }, oneWayMs);
      });
      from.on('end', () => setTimeout(() => towards.end(), oneWayMs));
      from.on('error', () => towards.destroy());
      from.on('close', () => open.delete(from));
    }
    host.on('end', () => {
      counted.closed = true;
    });
    host.on('close', () => {
      counted.closed = true;
    });
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = addressOf(server.address());
  return {
    endpoint: { host: HOST, port },
    connections,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A way over UDP. */
export async function datagramPath(to: Endpoint, oneWayMs: number): Promise<Path> {
  const connections: Counted[] = [];
  const ports = new Map<number, { readonly counted: Counted; readonly manager: DatagramSocket }>();
  const front = createSocket('udp4').bind(0, HOST);
  await once(front, 'listening');
  let over = false;
  const portOf = (port: number) => {
    const known = ports.get(port);
    if (known !== undefined) return known;
    const made = { counted: new Counted(0), manager: createSocket('udp4') };
    connections.push(made.counted);
    made.manager.on('message', (datagram) => {
      const arrived = made.counted.answer();
      setTimeout(() => {
        arrived();
        if (!over) front.send(datagram, port, HOST);
      }, oneWayMs);
    });
    ports.set(port, made);
    return made;
  };
  front.on('message', (datagram, { port }) => {
    const { counted, manager } = portOf(port);
    const arrived = counted.ask();
    setTimeout(() => {
      arrived();
      if (!over) manager.send(datagram, to.port, to.host);
    }, oneWayMs);
  });
  return {
    endpoint: { host: HOST, port: front.address().port },
    connections,
    close: async () => {
      over = true;
      for (const { manager } of ports.values()) manager.close();
      front.close();
      await once(front, 'close');
    },
  };
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('The path has no port.');
  return address;
}
