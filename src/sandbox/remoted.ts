import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram';
import type { Protocol } from '../link/message/transport.js';
import type { Endpoint } from '../model/endpoint.js';
import type { Running } from './daemon.js';
import { closeSockets, openSockets } from './listen.js';
import { type Peer, RemotedCore, type RemotedCoreOptions } from './remoted-core.js';
import { TcpConnections } from './tcp-connections.js';

/** What the sandbox's remoted is started with. */
export interface RemotedOptions extends RemotedCoreOptions {
  /** TCP and UDP share the port number; 0: one that is free for both. */
  readonly endpoint: Endpoint;
  readonly protocols: ReadonlySet<Protocol>;
  /** Whether it loses the TCP connection that it takes now. */
  readonly loses: () => boolean;
  /** How many TCP connections it has at a time; it resets what comes beyond. Absent: 256, and the rest is closed. */
  readonly servesAtOnce?: number;
}

const CONNECTION_LIMIT = 256;

/** Starts remoted on TCP, UDP or both, behaviour by family as recorded. @throws EnrollError if the port cannot be had */
export async function startRemoted(options: RemotedOptions): Promise<Running> {
  const { endpoint, protocols, loses, servesAtOnce, emit } = options;
  const sockets = await openSockets(endpoint, protocols);
  const core = new RemotedCore(options);
  const connections = new TcpConnections(core, {
    family: options.rules.family,
    loses,
    emit,
    ...(servesAtOnce === undefined ? {} : { atMost: servesAtOnce }),
  });
  if (sockets.tcp !== undefined && servesAtOnce === undefined) sockets.tcp.maxConnections = CONNECTION_LIMIT;
  sockets.tcp?.on('connection', (socket) => connections.add(socket));
  sockets.udp?.on('message', (bytes, from) => core.receive(bytes, udpPeer(sockets.udp, from, connections)));
  return {
    endpoint: { host: endpoint.host, port: sockets.port },
    close: async () => {
      core.stop();
      connections.destroyAll();
      await closeSockets(sockets);
    },
  };
}

function udpPeer(socket: UdpSocket | undefined, from: RemoteInfo, connections: TcpConnections): Peer {
  const { address, port } = from;
  return {
    protocol: 'udp',
    from: { host: address, port },
    // A reply that cannot be sent is lost, as datagrams are.
    send: (message) => socket?.send(message, port, address, () => {}),
    close: () => {},
    inUse: (id) => connections.holds(id),
    claim: () => {},
  };
}
