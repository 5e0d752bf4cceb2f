import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { EnrollError, systemCode } from '../errors.js';
import type { Protocol } from '../link/message/transport.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';

/** The sockets of a service that has one port number, over TCP, UDP or both. */
export interface Sockets {
  readonly port: number;
  readonly tcp: Server | undefined;
  readonly udp: UdpSocket | undefined;
}

const PORT_ATTEMPTS = 20;

/** Listens with a TCP server; gives the port. @throws EnrollError if the port cannot be had */
export function listenTcp(server: Server, { host, port }: Endpoint): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenError(error, { host, port }));
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.removeListener('error', onError);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** Binds a UDP socket; gives the port. @throws EnrollError if the port cannot be had */
export function bindUdp(socket: UdpSocket, { host, port }: Endpoint): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenError(error, { host, port }));
    socket.once('error', onError);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeListener('error', onError);
      resolve(socket.address().port);
    });
  });
}

/** Opens what the protocols need, all on one number; port 0: one that is free for all. @throws EnrollError if it cannot be had */
export async function openSockets(endpoint: Endpoint, protocols: ReadonlySet<Protocol>): Promise<Sockets> {
  for (let attempt = 1; ; attempt += 1) {
    const tcp = protocols.has('tcp') ? createServer({ noDelay: true }) : undefined;
    const udp = protocols.has('udp') ? createSocket(endpoint.host.includes(':') ? 'udp6' : 'udp4') : undefined;
    try {
      // TCP last: a connection must find the handler that is added next, and a datagram may be lost.
      const udpPort = udp === undefined ? endpoint.port : await bindUdp(udp, endpoint);
      const port = tcp === undefined ? udpPort : await listenTcp(tcp, { host: endpoint.host, port: udpPort });
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

/** Closes them; TCP connections that are open keep it waiting. */
export async function closeSockets({ tcp, udp }: Sockets): Promise<void> {
  await new Promise<void>((resolve) => {
    if (tcp?.listening) tcp.close(() => resolve());
    else resolve();
  });
  await new Promise<void>((resolve) => {
    if (udp === undefined) resolve();
    else udp.close(() => resolve());
  });
}

/** The endpoint with a port number that is free now, and that nothing listens on. @throws EnrollError if there is none */
export async function closedEndpoint(endpoint: Endpoint, protocols: ReadonlySet<Protocol>): Promise<Endpoint> {
  const sockets = await openSockets(endpoint, protocols);
  await closeSockets(sockets);
  return { host: endpoint.host, port: sockets.port };
}

/** The address, where it is one to listen on. @throws EnrollError with `SETTING_INVALID` for one that is not loopback */
export function loopback(host: string): string {
  // The type says so already; a caller without types, or a flag, may not.
  if (host === '127.0.0.1' || host === '::1') return host;
  throw new EnrollError('SETTING_INVALID', `The sandbox listens on loopback only (127.0.0.1 or ::1), not on ${host}.`);
}

function isTaken(thrown: unknown): boolean {
  return thrown instanceof EnrollError && systemCode(thrown.cause) === 'EADDRINUSE';
}

function listenError(error: Error, endpoint: Endpoint): EnrollError {
  const reason = systemCode(error) === 'EADDRINUSE' ? 'the port is in use' : (systemCode(error) ?? error.message);
  return new EnrollError('SETTING_INVALID', `The sandbox cannot listen on ${formatEndpoint(endpoint)}: ${reason}.`, {
    hint: 'Choose another port, or none: then the system chooses a free one.',
    cause: error,
  });
}
