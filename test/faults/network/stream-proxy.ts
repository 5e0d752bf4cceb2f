import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { pause } from '../../../src/net/deadline.js';
import type { IssuedCertificate } from '../../../src/sandbox/own-certificate.js';
import type { Cell, Fault } from './cells.js';
import { CHUNKS, Cutter, type Spoken } from './framing.js';
import { DELAY_MS, Outlet } from './outlet.js';

/** What stands between a host and one port of a manager. */
export interface FaultyProxy {
  readonly endpoint: Endpoint;
  /** How often the fault has happened. */
  readonly strikes: number;
  /** From now on nothing breaks. */
  mend(): void;
  /** Whether the host has closed all of its connections, or does so within these milliseconds. */
  released(withinMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/** What a {@link streamProxy} is given. */
export interface StreamPlan extends Pick<Cell, 'phase' | 'fault' | 'times'> {
  readonly to: Endpoint;
  readonly spoken: Spoken;
  /** Present: it ends the TLS of the host, and begins another one with the manager. */
  readonly tls?: IssuedCertificate & Pick<TlsOptions, 'minVersion' | 'maxVersion'>;
  /** Nothing breaks before this request was answered; absent: it does from the start. */
  readonly armedBy?: (request: Buffer) => boolean;
}

export const HOST = '127.0.0.1';
const NOTHING = Buffer.alloc(0);
/** No frame of remoted's, no TLS, no HTTP and no reply of authd's. */
export const GARBAGE = Buffer.from(
  '\u00ff\u00fe\u0000\u0001 ~~ nothing that anybody speaks ~~ \u0080\u0081\r\n',
  'latin1',
);

/** A proxy over TCP, and over TLS where it is given a certificate, that lets one fault happen. */
export async function streamProxy(plan: StreamPlan): Promise<FaultyProxy> {
  const proxy = new StreamProxy(plan);
  await proxy.listen();
  return proxy;
}

class StreamProxy implements FaultyProxy {
  readonly #plan: StreamPlan;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #upstream = new Set<Duplex>();
  readonly #over = new AbortController();
  #mended = false;
  #armed: boolean;
  #waiting: (() => void)[] = [];
  strikes = 0;

  constructor(plan: StreamPlan) {
    this.#plan = plan;
    this.#armed = plan.armedBy === undefined;
    setMaxListeners(0, this.#over.signal);
    this.#server = createServer({ noDelay: true }, (raw) => this.#accept(raw));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, HOST);
    await once(this.#server, 'listening');
  }

  get endpoint(): Endpoint {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
    return { host: HOST, port: address.port };
  }

  mend(): void {
    this.#mended = true;
  }

  async released(withinMs: number): Promise<boolean> {
    if (this.#open.size === 0) return true;
    const empty = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await Promise.race([empty, pause(withinMs, this.#over.signal)]);
    return this.#open.size === 0;
  }

  async close(): Promise<void> {
    this.#over.abort();
    for (const socket of [...this.#open, ...this.#upstream]) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  get #breaks(): boolean {
    return this.#armed && !this.#mended && (this.#plan.times === 'always' || this.strikes === 0);
  }

  #accept(raw: Socket): void {
    this.#open.add(raw);
    raw.on('error', () => {});
    raw.once('close', () => {
      this.#open.delete(raw);
      if (this.#open.size === 0) for (const tell of this.#waiting.splice(0)) tell();
    });
    const { phase, fault } = this.#plan;
    if (!this.#breaks) this.#withTls(raw, (down) => this.#join(down, raw, false));
    else if (phase === 'before accept') this.#beforeAccept(raw, fault);
    else if (phase === 'in TLS') this.#join(raw, raw, true, CHUNKS);
    else if (phase !== 'before request') this.#withTls(raw, (down) => this.#join(down, raw, true));
    else {
      this.#withTls(raw, (down) => {
        this.strikes += 1;
        down.on('data', () => {});
        cut(down, raw, fault);
      });
    }
  }

  #beforeAccept(raw: Socket, fault: Fault): void {
    if (fault === 'slow') {
      this.#join(raw, raw, true, CHUNKS);
      return;
    }
    this.strikes += 1;
    if (fault === 'delayed by 2 s') {
      void pause(DELAY_MS, this.#over.signal).then(() => {
        if (!raw.destroyed) this.#withTls(raw, (down) => this.#join(down, raw, false));
      });
      return;
    }
    raw.on('data', () => {});
    cut(raw, raw, fault);
  }

  /** Ends the host's TLS, where there is any. */
  #withTls(raw: Socket, next: (down: Duplex) => void): void {
    const { tls } = this.#plan;
    if (tls === undefined) {
      next(raw);
      return;
    }
    const { certificate, key, ...versions } = tls;
    const server = createTlsServer({ cert: certificate, key: key.reveal(), ...versions }, (down) => {
      down.on('error', () => {});
      next(down);
    });
    server.on('tlsClientError', () => {});
    server.emit('connection', raw);
  }

  /** Carries all between host and manager; `breaks`: with the fault, where it has its place. */
  #join(down: Duplex, raw: Socket, breaks: boolean, spoken = this.#plan.spoken): void {
    const { to, tls, phase, fault, armedBy } = this.#plan;
    const plain = tls === undefined || spoken === CHUNKS;
    const up: Duplex = plain
      ? connect({ ...to, noDelay: true })
      : connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: [] });
    this.#upstream.add(up);
    up.on('error', () => {});
    const [toHost, toManager] = [new Outlet(down, this.#over.signal), new Outlet(up, this.#over.signal)];
    const carried: Carried = { toHost, toManager, phase, fault, cut: () => cut(down, raw, fault) };
    let [asked, answered] = [0, 0];
    let target: number | undefined;
    let arming: number | undefined;
    const requests = new Cutter(spoken.request, (whole) => {
      const number = asked;
      asked += 1;
      if (armedBy?.(whole)) arming = number;
      if (breaks && target === undefined && this.#breaks && spoken.isTarget(whole)) target = number;
      if (target !== number || phase !== 'in request') {
        toManager.send(whole);
        return;
      }
      this.strikes += 1;
      breakRequest(carried, whole);
    });
    const replies = new Cutter(spoken.reply, (whole) => {
      const number = answered;
      answered += 1;
      if (number === arming) this.#armed = true;
      if (target !== number || phase === 'in request') {
        toHost.send(whole);
        return;
      }
      this.strikes += 1;
      breakReply(carried, whole);
    });
    down.on('data', (chunk: Buffer) => requests.push(chunk));
    up.on('data', (chunk: Buffer) => replies.push(chunk));
    down.once('end', () => {
      requests.end();
      toManager.end();
    });
    up.once('end', () => {
      replies.end();
      toHost.end();
    });
    down.once('close', () => up.destroy());
    up.once('close', () => {
      this.#upstream.delete(up);
      toHost.end();
    });
  }
}

/** A connection that is carried, and what is to break of it. */
interface Carried extends Pick<Cell, 'phase' | 'fault'> {
  readonly toHost: Outlet;
  readonly toManager: Outlet;
  readonly cut: () => void;
}

function breakRequest({ toHost, toManager, fault, cut }: Carried, whole: Buffer): void {
  switch (fault) {
    case 'garbage':
      toManager.send(GARBAGE);
      break;
    case 'truncation':
      toManager.send(half(whole));
      toManager.end();
      break;
    case 'duplication':
      toManager.send(whole, whole);
      break;
    case 'slow':
    case 'delayed by 2 s':
      toManager.bent(whole, fault);
      break;
    default:
      toManager.send(half(whole));
      toManager.afterwards(cut);
      toHost.shut();
      toManager.shut();
  }
}

function breakReply({ toHost, phase, fault, cut }: Carried, whole: Buffer): void {
  // What the host has of it before it breaks, and what is still to come.
  const had = phase === 'after reply' ? whole : phase === 'after request' ? NOTHING : half(whole);
  const rest = whole.subarray(had.length);
  switch (fault) {
    case 'garbage':
      toHost.send(had, GARBAGE);
      break;
    case 'answered twice':
      toHost.send(had, whole);
      break;
    case 'duplication':
      // Of a handshake the whole of it: half a record would be another fault.
      toHost.send(phase === 'in TLS' ? whole : had, whole);
      break;
    case 'slow':
      toHost.bent(whole, fault);
      break;
    case 'delayed by 2 s':
      toHost.send(had);
      toHost.bent(rest, fault);
      break;
    default:
      toHost.send(had);
      toHost.afterwards(cut);
      toHost.shut();
  }
}

/** Ends what goes to the host, in the way of the fault. */
function cut(down: Duplex, raw: Socket, fault: Fault): void {
  if (fault === 'reset') raw.resetAndDestroy();
  else if (fault === 'close') raw.destroySoon();
  else if (fault === 'half-close' || fault === 'truncation') down.end();
  else if (fault === 'garbage') down.write(GARBAGE);
}

function half(whole: Buffer): Buffer {
  return whole.subarray(0, Math.floor(whole.length / 2));
}
