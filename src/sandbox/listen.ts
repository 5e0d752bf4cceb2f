import type { Socket as UdpSocket } from 'node:dgram';
import type { Server } from 'node:net';
import { EnrollError, systemCode } from '../errors.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';

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

function listenError(error: Error, endpoint: Endpoint): EnrollError {
  const reason = systemCode(error) === 'EADDRINUSE' ? 'the port is in use' : (systemCode(error) ?? error.message);
  return new EnrollError('SETTING_INVALID', `The sandbox cannot listen on ${formatEndpoint(endpoint)}: ${reason}.`, {
    hint: 'Choose another port, or none: then the system chooses a free one.',
    cause: error,
  });
}
