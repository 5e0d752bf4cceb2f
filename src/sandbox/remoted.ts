import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { EnrollError, systemCode } from '../errors.js';
import { frame } from '../link/message/framing.js';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import type { Running } from './authd.js';
import { ManagerFrames } from './frames.js';
import { bindUdp, listenTcp } from './listen.js';
import { type Peer, RemotedCore, type RemotedCoreOptions } from './remoted-core.js';

/** What the sandbox's remoted is started with. */
export interface RemotedOptions extends RemotedCoreOptions {
  /** TCP and UDP share the port number; 0: one that is free for both. */
  readonly endpoint: Endpoint;
  readonly protocols: ReadonlySet<Protocol>;
}

interface Sockets {
  readonly port: number;
  readonly tcp: Server | undefined;
  readonly udp: UdpSocket | undefined;
}

const CONNECTION_LIMIT = 256;
// A client that sends and never reads is let go before its answers fill the memory.
const UNSENT_LIMIT = 1_048_576;
const PORT_ATTEMPTS = 20;

/** Starts remoted on TCP, UDP or both, behaviour by family as recorded. @throws EnrollError if the port cannot be had */
export async function startRemoted(options: RemotedOptions): Promise<Running> {
  const { endpoint } = options;
  const sockets = await openSockets(endpoint, options.protocols);
  const core = new RemotedCore(options);
  const connections = new Connections(core, options);
  sockets.tcp?.on('connection', (socket) => connections.add(socket));
  sockets.udp?.on('message', (bytes, from) => core.receive(bytes, udpPeer(sockets.udp, from)));
  return {
    endpoint: { host: endpoint.host, port: sockets.port },
    close: async () => {
      core.stop();
      connections.destroyAll();
      await closeSockets(sockets);
    },
  };
}

async function openSockets(endpoint: Endpoint, protocols: ReadonlySet<Protocol>): Promise<Sockets> {
  for (let attempt = 1; ; attempt += 1) {
    const tcp = protocols.has('tcp') ? createServer({ noDelay: true }) : undefined;
    const udp = protocols.has('udp') ? createSocket(endpoint.host.includes(':') ? 'udp6' : 'udp4') : undefined;
    try {
      const tcpPort = tcp === undefined ? endpoint.port : await listenTcp(tcp, endpoint);
      const port = udp === undefined ? tcpPort : await bindUdp(udp, { host: endpoint.host, port: tcpPort });
      if (tcp !== undefined) tcp.maxConnections = CONNECTION_LIMIT;
      // Faults of single packets and accepts; the services go on.
      tcp?.on('error', () => {});
      udp?.on('error', () => {});
      return { port, tcp, udp };
    } catch (thrown) {
      await closeSockets({ port: 0, tcp, udp });
      if (endpoint.port !== 0 || attempt >= PORT_ATTEMPTS || !isTaken(thrown)) throw thrown;
    }
  }
}

function isTaken(thrown: unknown): boolean {
  return thrown instanceof EnrollError && systemCode(thrown.cause) === 'EADDRINUSE';
}

async function closeSockets({ tcp, udp }: Sockets): Promise<void> {
  await new Promise<void>((resolve) => {
    if (tcp?.listening) tcp.close(() => resolve());
    else resolve();
  });
  await new Promise<void>((resolve) => {
    if (udp === undefined) resolve();
    else udp.close(() => resolve());
  });
}

function udpPeer(socket: UdpSocket | undefined, { address, port }: RemoteInfo): Peer {
  return {
    protocol: 'udp',
    from: { host: address, port },
    // A reply that cannot be sent is lost, as datagrams are.
    send: (message) => socket?.send(message, port, address, () => {}),
    close: () => {},
    claim: () => true,
  };
}

/** The TCP connections, and which of them has which agent's key. */
class Connections {
  readonly #core: RemotedCore;
  readonly #options: RemotedOptions;
  readonly #open = new Set<Socket>();
  readonly #holders = new Map<string, Socket>();

  constructor(core: RemotedCore, options: RemotedOptions) {
    this.#core = core;
    this.#options = options;
  }

  add(socket: Socket): void {
    const peer = this.#peer(socket);
    const frames = new ManagerFrames();
    this.#open.add(socket);
    this.#options.emit({ type: 'connection', service: 'remoted', from: peer.from });
    socket.on('error', () => {});
    socket.on('end', () => this.#release(socket));
    socket.on('close', () => {
      this.#release(socket);
      this.#open.delete(socket);
    });
    socket.on('data', (chunk: Buffer) => {
      const { messages, tooLong } = frames.push(chunk);
      for (const message of messages) {
        if (socket.writableEnded || socket.destroyed) return;
        this.#core.receive(message, peer);
      }
      if (tooLong && !socket.writableEnded) this.#core.frameTooLong(peer);
    });
  }

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #peer(socket: Socket): Peer {
    return {
      protocol: 'tcp',
      from: { host: socket.remoteAddress ?? this.#options.endpoint.host, port: socket.remotePort ?? 0 },
      send: (message) => {
        if (socket.writableLength > UNSENT_LIMIT) socket.destroy();
        else if (socket.writable) socket.write(frame(message));
      },
      close: () => socket.destroySoon(),
      claim: (id) => this.#claim(id, socket),
    };
  }

  // One connection a key since Wazuh 4.4; before, the newest connection has it.
  #claim(id: string, socket: Socket): boolean {
    const holder = this.#holders.get(id);
    if (holder !== undefined && holder !== socket && this.#options.rules.family === 'wazuh-4') return false;
    this.#holders.set(id, socket);
    return true;
  }

  #release(socket: Socket): void {
    for (const [id, holder] of this.#holders) {
      if (holder === socket) this.#holders.delete(id);
    }
  }
}
