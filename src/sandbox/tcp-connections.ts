import type { Socket } from 'node:net';
import { frame } from '../link/message/framing.js';
import { peerOf } from './authd-connection.js';
import type { SandboxFamily } from './authd-protocol.js';
import { ManagerFrames } from './frames.js';
import type { Peer, RemotedCore } from './remoted-core.js';
import type { SandboxEvent } from './sandbox-events.js';

/** What {@link TcpConnections} are made with. */
export interface TcpConnectionsOptions {
  readonly family: SandboxFamily;
  /** Whether remoted loses the connection that it takes now. */
  readonly loses: () => boolean;
  readonly emit: (event: SandboxEvent) => void;
  /** How many there may be at a time; what comes beyond is reset. */
  readonly atMost?: number;
}

// A client that sends and never reads is let go before its answers fill the memory.
const UNSENT_LIMIT = 1_048_576;

/** Remoted's TCP connections, and which of them has which agent's key. */
export class TcpConnections {
  readonly #core: RemotedCore;
  readonly #options: TcpConnectionsOptions;
  readonly #open = new Set<Socket>();
  readonly #holders = new Map<string, Socket>();
  #taken = 0;

  constructor(core: RemotedCore, options: TcpConnectionsOptions) {
    this.#core = core;
    this.#options = options;
  }

  add(socket: Socket): void {
    const { atMost } = this.#options;
    if (atMost !== undefined && this.#open.size >= atMost) {
      this.#options.emit({ type: 'connection reset', service: 'remoted', from: peerOf(socket) });
      socket.resetAndDestroy();
      return;
    }
    const peer = this.#peer(socket);
    this.#open.add(socket);
    this.#options.emit({ type: 'connection', service: 'remoted', from: peer.from });
    socket.on('error', () => {});
    socket.on('end', () => this.#release(socket));
    socket.on('close', () => {
      this.#release(socket);
      this.#open.delete(socket);
    });
    if (this.#options.loses()) {
      this.#options.emit({ type: 'connection lost', from: peer.from });
      this.#listen(socket, peer, () => this.#core.overLostConnection(peer));
    } else {
      this.#listen(socket, peer, (message) => this.#core.receive(message, peer));
    }
  }

  /** Whether a connection has the key of this agent: one alone may since Wazuh 4.4; before, the newest one has it. */
  holds(id: string, apartFrom?: Socket): boolean {
    const holder = this.#holders.get(id);
    return this.#options.family === 'wazuh-4' && holder !== undefined && holder !== apartFrom;
  }

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #listen(socket: Socket, peer: Peer, receive: (message: Uint8Array) => void): void {
    const frames = new ManagerFrames();
    socket.on('data', (chunk: Buffer) => {
      const { messages, tooLong } = frames.push(chunk);
      for (const message of messages) {
        if (socket.writableEnded || socket.destroyed) return;
        receive(message);
      }
      if (tooLong && !socket.writableEnded) this.#core.frameTooLong(peer);
    });
  }

  #peer(socket: Socket): Peer {
    this.#taken += 1;
    return {
      protocol: 'tcp',
      from: peerOf(socket),
      socket: this.#taken,
      send: (message) => {
        if (socket.writableLength > UNSENT_LIMIT) socket.destroy();
        else if (socket.writable) socket.write(frame(message));
      },
      close: () => socket.destroySoon(),
      inUse: (id) => this.holds(id, socket),
      claim: (id) => this.#holders.set(id, socket),
    };
  }

  #release(socket: Socket): void {
    for (const [id, holder] of this.#holders) {
      if (holder === socket) this.#holders.delete(id);
    }
  }
}
