import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Endpoint } from '../../../src/model/endpoint.js';
import { pause } from '../../../src/net/deadline.js';
import type { IssuedCertificate } from '../../../src/sandbox/own-certificate.js';
import type { Cell, Fault } from './cells.js';
import { CHUNKS, Cutter, type Spoken } from './framing.js';

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
export const DELAY_MS = 2000;
/** No frame of remoted's, no TLS, no HTTP and no reply of authd's. */
export const GARBAGE = Buffer.from('\u00ff\u00fe\u0000\u0001 ~~ nothing that anybody speaks ~~ \u0080\u0081\r\n', 'latin1');

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
    if (!this.#breaks) return this.#withTls(raw, (down) => this.#join(down, raw, false));
    switch (phase) {
      case 'before accept':
        return this.#beforeAccept(raw, fault);
      case 'in TLS':
        return this.#join(raw, raw, true, CHUNKS);
      case 'before request':
        return this.#withTls(raw, (down) => {
          this.strikes += 1;
          down.on('data', () => {});
          this.#cut(down, raw, fault);
        });
      default:
        return this.#withTls(raw, (down) => this.#join(down, raw, true));
    }
  }

  #beforeAccept(raw: Socket, fault: Fault): void {
    if (fault === 'slow') return this.#join(raw, raw, true, CHUNKS);
    this.strikes += 1;
    if (fault === 'delayed by 2 s') {
      void pause(DELAY_MS, this.#over.signal).then(() => {
        if (!raw.destroyed) this.#withTls(raw, (down) => this.#join(down, raw, false));
      });
      return;
    }
    raw.on('data', () => {});
    this.#cut(raw, raw, fault);
  }

  /** Ends the host's TLS, where there is any. */
  #withTls(raw: Socket, then: (down: Duplex) => void): void {
    const { tls } = this.#plan;
    if (tls === undefined) return then(raw);
    const { certificate, key, ...versions } = tls;
    const server = createTlsServer({ cert: certificate, key: key.reveal(), ...versions }, (down) => {
      down.on('error', () => {});
      then(down);
    });
    server.on('tlsClientError', () => {});
    server.emit('connection', raw);
  }

  /** Ends what goes to the host, in the way of the fault. */
  #cut(down: Duplex, raw: Socket, fault: Fault): void {
    switch (fault) {
      case 'reset':
        raw.resetAndDestroy();
        return;
      case 'close':
        raw.destroySoon();
        return;
      case 'half-close':
      case 'truncation':
        down.end();
        return;
      case 'garbage':
        down.write(GARBAGE);
        return;
      default:
        return;
    }
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
    let [asked, answered] = [0, 0];
    let target: number | undefined;
    let arming: number | undefined;
    const strike = () => {
      this.strikes += 1;
    };
    const requests = new Cutter(spoken.request, (whole) => {
      const number = asked;
      asked += 1;
      if (armedBy?.(whole)) arming = number;
      const hit = breaks && target === undefined && this.#breaks && spoken.isTarget(whole);
      if (!hit) return toManager.send(whole);
      target = number;
      if (phase !== 'in request') return toManager.send(whole);
      strike();
      if (isCut(fault)) {
        toManager.send(half(whole));
        toManager.then(() => this.#cut(down, raw, fault));
        toHost.shut();
        return toManager.shut();
      }
      if (fault === 'garbage') return toManager.send(GARBAGE);
      if (fault === 'truncation') {
        toManager.send(half(whole));
        return toManager.end();
      }
      if (fault === 'duplication') {
        toManager.send(whole);
        return toManager.send(whole);
      }
      return toManager.bent(whole, fault);
    });
    const replies = new Cutter(spoken.reply, (whole) => {
      const number = answered;
      answered += 1;
      if (number === arming) this.#armed = true;
      if (target !== number || phase === 'in request') return toHost.send(whole);
      strike();
      if (phase === 'after reply') toHost.send(whole);
      if (phase === 'in reply' || phase === 'in TLS') {
        if (fault === 'duplication') return toHost.send(phase === 'in TLS' ? whole : half(whole), whole);
        if (fault === 'slow') return toHost.bent(whole, fault);
        toHost.send(half(whole));
      }
      if (isCut(fault) || fault === 'truncation') {
        toHost.then(() => this.#cut(down, raw, fault));
        return toHost.shut();
      }
      if (fault === 'garbage') return toHost.send(GARBAGE);
      if (fault === 'answered twice') return toHost.send(whole);
      return toHost.bent(phase === 'after request' || phase === 'before accept' ? whole : otherHalf(whole), fault);
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

/** One direction of a connection: what is given to it goes out in order, some of it late. */
class Outlet {
  readonly #stream: Duplex;
  readonly #signal: AbortSignal;
  #before: Promise<void> | undefined;
  #shut = false;

  constructor(stream: Duplex, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
  }

  send(...parts: readonly Buffer[]): void {
    if (this.#shut) return;
    this.then(() => {
      for (const part of parts) if (this.#stream.writable) this.#stream.write(part);
    });
  }

  /** Sends it late, or a byte a second. */
  bent(whole: Buffer, fault: Fault): void {
    if (this.#shut) return;
    const bytes = fault === 'slow' ? [...whole].map((byte) => Buffer.of(byte)) : [whole];
    const waitMs = fault === 'slow' ? 1000 : DELAY_MS;
    this.#queue(async () => {
      for (const part of bytes) {
        await pause(waitMs, this.#signal);
        if (!this.#stream.writable) return;
        this.#stream.write(part);
      }
    });
  }

  end(): void {
    if (this.#shut) return;
    this.#shut = true;
    this.then(() => {
      if (this.#stream.writable) this.#stream.end();
    });
  }

  /** Does something when all before it has gone out. */
  then(work: () => void): void {
    if (this.#before === undefined) work();
    else this.#queue(async () => work());
  }

  /** Nothing that is given to it from now on goes out. */
  shut(): void {
    this.#shut = true;
  }

  #queue(work: () => Promise<void>): void {
    const mine = (this.#before ?? Promise.resolve()).then(work).then(() => {
      if (this.#before === mine) this.#before = undefined;
    });
    this.#before = mine;
  }
}

function isCut(fault: Fault): boolean {
  return fault === 'reset' || fault === 'close' || fault === 'half-close' || fault === 'stall';
}

function half(whole: Buffer): Buffer {
  return whole.subarray(0, Math.floor(whole.length / 2));
}

function otherHalf(whole: Buffer): Buffer {
  return whole.subarray(Math.floor(whole.length / 2));
}
