import { createSocket, type Socket } from 'node:dgram';
import { once, setMaxListeners } from 'node:events';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { pause } from '../../../src/net/deadline.js';
import type { Cell } from './cells.js';
import { DELAY_MS } from './outlet.js';
import { type FaultyProxy, GARBAGE, HOST } from './stream-proxy.js';

/** What a {@link datagramProxy} is given. */
export interface DatagramPlan extends Pick<Cell, 'phase' | 'fault' | 'times'> {
  readonly to: Endpoint;
  /** Of the losses. */
  readonly seed: number;
}

type Send = (datagram: Buffer) => void;

/** A proxy over UDP that lets one fault happen. What a host leaves open cannot be seen from there. */
export async function datagramProxy(plan: DatagramPlan): Promise<FaultyProxy> {
  const { phase, fault, times, to } = plan;
  const front = createSocket('udp4').bind(0, HOST);
  await once(front, 'listening');
  const peers = new Map<number, Peer>();
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const lost = losses(plan);
  let mended = false;
  let strikes = 0;
  const breaks = (here: Cell['phase']) => phase === here && !mended && (times === 'always' || strikes === 0);
  const bend = (datagram: Buffer, held: Held, send: Send) => {
    switch (fault) {
      case 'garbage':
        strikes += 1;
        return send(GARBAGE);
      case 'truncation':
        strikes += 1;
        return send(datagram.subarray(0, Math.floor(datagram.length / 2)));
      case 'duplication':
        strikes += 1;
        send(datagram);
        return send(datagram);
      case 'delayed by 2 s':
        strikes += 1;
        return void pause(DELAY_MS, over.signal).then(() => send(datagram));
      case 'reordering':
        strikes += 1;
        held.datagrams.push(datagram);
        return;
      default:
        // The first one is lost, so that it is not left to chance whether any is.
        if (strikes > 0 && !lost()) return send(datagram);
        strikes += 1;
        return;
    }
  };
  const pass = (datagram: Buffer, here: 'in request' | 'in reply', held: Held, send: Send) => {
    const before = held.datagrams.splice(0);
    // What was held back goes out behind the one that came after it.
    if (before.length > 0 || !breaks(here)) {
      send(datagram);
      for (const one of before) send(one);
    } else bend(datagram, held, send);
  };
  const answer = (datagram: Buffer, held: Held, send: Send) => {
    if (breaks('after request')) {
      strikes += 1;
      if (fault === 'garbage') send(GARBAGE);
      return;
    }
    if (breaks('after reply')) {
      strikes += 1;
      send(datagram);
      return send(fault === 'garbage' ? GARBAGE : datagram);
    }
    pass(datagram, 'in reply', held, send);
  };
  const peerOf = (port: number): Peer => {
    const known = peers.get(port);
    if (known !== undefined) return known;
    const made: Peer = { socket: createSocket('udp4'), requests: { datagrams: [] }, replies: { datagrams: [] } };
    made.socket.on('error', () => {});
    made.socket.on('message', (datagram) =>
      answer(datagram, made.replies, (one) => {
        if (!over.signal.aborted) front.send(one, port, HOST);
      }),
    );
    peers.set(port, made);
    return made;
  };
  front.on('error', () => {});
  front.on('message', (datagram, { port }) => {
    const { socket, requests } = peerOf(port);
    pass(datagram, 'in request', requests, (one) => {
      if (!over.signal.aborted) socket.send(one, to.port, to.host);
    });
  });
  return {
    endpoint: { host: HOST, port: front.address().port },
    get strikes() {
      return strikes;
    },
    mend: () => {
      mended = true;
    },
    released: async () => true,
    close: async () => {
      over.abort();
      for (const { socket } of peers.values()) socket.close();
      front.close();
      await once(front, 'close');
    },
  };
}

/** Datagrams of one direction that wait for the next one. */
interface Held {
  readonly datagrams: Buffer[];
}

/** One port of the host. */
interface Peer {
  readonly socket: Socket;
  readonly requests: Held;
  readonly replies: Held;
}

/** Whether the next one is lost: the same at every run (mulberry32). */
function losses({ fault, seed }: DatagramPlan): () => boolean {
  const share = fault === 'loss of 30 %' ? 0.3 : fault === 'loss of 60 %' ? 0.6 : 0;
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < share;
  };
}
