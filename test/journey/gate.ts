import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Endpoint } from '../../src/model/endpoint.js';

/** A TCP port that leads to a manager of the test's choice, which may be another one from the next connection on. */
export interface Gate {
  readonly endpoint: Endpoint;
  leadTo(endpoint: Endpoint): void;
  /** Ends the connections that are open. */
  cut(): void;
  close(): Promise<void>;
}

/** Opens one on loopback. */
export async function openGate(first: Endpoint): Promise<Gate> {
  let target = first;
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
  };
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  const server = createServer({ allowHalfOpen: false }, (near) => {
    const far = connect(target);
    keep(near);
    keep(far);
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: { host: '127.0.0.1', port: address.port },
    leadTo: (endpoint) => {
      target = endpoint;
    },
    cut,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
