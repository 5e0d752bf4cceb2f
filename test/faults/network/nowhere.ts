import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { HOST } from './stream-proxy.js';

/** Ports at which nobody is. They are taken while it is open, so that nobody else gets them. */
export interface Nowhere {
  readonly refused: { readonly tcp: Endpoint; readonly udp: Endpoint };
  readonly blackHole: { readonly tcp: Endpoint; readonly udp: Endpoint };
  close(): Promise<void>;
}

/** Listens, and never accepts: its thread stands still. */
const DEAF = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:net').createServer().listen({ host: workerData, port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
/** More than may wait to be accepted: the system then drops whoever else wants to connect. */
const WAITING = 6;

export async function openNowhere(): Promise<Nowhere> {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, HOST);
  await once(server, 'listening');
  const outgoing = connect({ host: HOST, port: portIn(server.address()) });
  await once(outgoing, 'connect');
  // A connected UDP socket takes nothing from anybody else: the system answers as if its port were closed.
  const silent = createSocket('udp4').bind(0, HOST);
  await once(silent, 'listening');
  const elsewhere = createSocket('udp4').bind(0, HOST);
  await once(elsewhere, 'listening');
  elsewhere.connect(silent.address().port, HOST);
  await once(elsewhere, 'connect');

  const deaf = new Worker(DEAF, { eval: true, workerData: HOST });
  const [port]: unknown[] = await once(deaf, 'message');
  if (typeof port !== 'number') throw new Error('The deaf server has no port.');
  const crowd: Socket[] = [];
  for (let number = 0; number < WAITING; number += 1) {
    crowd.push(connect({ host: HOST, port }).on('error', () => {}));
  }
  await Promise.all(crowd.slice(0, 2).map((socket) => once(socket, 'connect')));
  const at = (place: number): Endpoint => ({ host: HOST, port: place });
  return {
    refused: { tcp: at(outgoing.localPort ?? 0), udp: at(elsewhere.address().port) },
    blackHole: { tcp: at(port), udp: at(silent.address().port) },
    close: async () => {
      for (const socket of [...crowd, outgoing]) socket.destroy();
      await deaf.terminate();
      silent.close();
      elsewhere.close();
      server.close();
      await once(server, 'close');
    },
  };
}

function portIn(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}
