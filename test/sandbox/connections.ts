import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { systemCode } from '../../src/errors.js';
import type { Endpoint } from '../../src/model/endpoint.js';

/** Whether something listens there, over TCP: the kernel refuses where nothing does. */
export async function tcpOpen(endpoint: Endpoint): Promise<boolean> {
  const socket = connect(endpoint);
  try {
    await once(socket, 'connect');
    return true;
  } catch (thrown) {
    if (systemCode(thrown) !== 'ECONNREFUSED') throw thrown;
    return false;
  } finally {
    socket.destroy();
  }
}

/** Whether a datagram is taken there: where nothing is bound, the kernel tells so with an ICMP error. */
export async function udpOpen(endpoint: Endpoint): Promise<boolean> {
  const socket = createSocket('udp4');
  let refused = false;
  socket.on('error', () => {
    refused = true;
  });
  socket.connect(endpoint.port, endpoint.host);
  await once(socket, 'connect');
  // On loopback the error of one datagram is there before the next one is sent; whichever call comes first is told.
  for (let sent = 0; sent < 3; sent += 1) {
    await new Promise<void>((resolve) =>
      socket.send('?', (error) => {
        refused ||= error !== null;
        setImmediate(resolve);
      }),
    );
  }
  socket.close();
  return !refused;
}
