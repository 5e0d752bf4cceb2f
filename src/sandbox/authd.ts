import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls';
import type { Endpoint } from '../manager.js';
import { sourceAddress } from './addresses.js';
import { type AgentStore, viewOf } from './agents.js';
import {
  type AuthdAnswer,
  type AuthdRules,
  answerRequest,
  replyRecords,
  replySummary,
  type SandboxFamily,
} from './authd-protocol.js';
import type { IssuedCertificate } from './certificate.js';
import { HANDSHAKE_FAILURE, offeredVersions, TLS_1_2, TLS_1_3 } from './client-hello.js';
import type { SandboxEvent, SilentReason } from './events.js';
import { listenTcp } from './listen.js';

/** What the sandbox's authd is started with. */
export interface AuthdOptions {
  readonly endpoint: Endpoint;
  readonly certificate: IssuedCertificate;
  /** PEM of the CA whose certificates clients must show. */
  readonly clientCa?: string;
  readonly tls: TlsVersions;
  readonly rules: AuthdRules;
  readonly store: AgentStore;
  readonly emit: (event: SandboxEvent) => void;
}

/** The TLS versions that a server speaks. */
export interface TlsVersions {
  readonly min: SecureVersion;
  readonly max: SecureVersion;
}

/** A service of the sandbox that runs. */
export interface Running {
  readonly endpoint: Endpoint;
  /** Resolves when no socket and no timer of it is left. */
  close(): Promise<void>;
}

// OSSEC 4.3 gives a client 30 s and sleeps 1 s after an ERROR; Wazuh 4.13 and later wait for ever.
// For 3.x nothing was measured; it is given OSSEC's patience.
const IDLE_MS: Readonly<Record<SandboxFamily, number | undefined>> = {
  ossec: 30_000,
  'wazuh-3': 30_000,
  'wazuh-4': undefined,
};
const SLEEP_AFTER_ERROR_MS = 1_000;
const HANDSHAKE_MS = 30_000;
const LINGER_MS = 2_000;
const REQUEST_LIMIT = 65_536;
const CONNECTION_LIMIT = 256;

/** Starts authd: TLS on one port, behaviour by family as recorded. @throws EnrollError if the port cannot be had */
export async function startAuthd(options: AuthdOptions): Promise<Running> {
  const { endpoint, emit, clientCa } = options;
  const open = new Map<string, Connection>();
  // Without a certificate, TLS 1.2 ends in an alert and TLS 1.3 in a bare end after the handshake (Wazuh 4.14); the
  // second cannot be had from a server that insists, so each has its own.
  const insisting = tlsServer(options, open, true);
  const lenient = tlsServer(options, open, false);

  const server = createTcpServer({ noDelay: true }, (socket) => {
    const connection = new Connection(socket, options);
    open.set(connection.name, connection);
    socket.on('close', () => {
      if (open.get(connection.name) === connection) open.delete(connection.name);
    });
    emit({ type: 'connection', service: 'authd', from: connection.from });
    socket.once('readable', () => {
      const chunk: unknown = socket.read();
      if (!(chunk instanceof Uint8Array)) {
        socket.destroy();
        return;
      }
      const offered = offeredVersions(chunk);
      // A library fixed to TLS 1.2 meets a client of 1.3 alone with this alert (ossec-authd 4.3).
      if (options.tls.max === 'TLSv1.2' && offered.length > 0 && !offered.some((version) => version <= TLS_1_2)) {
        connection.handshakeFailed(new Error('the client offers TLS 1.3 only'));
        socket.end(HANDSHAKE_FAILURE);
        return;
      }
      socket.unshift(chunk);
      const server = clientCa === undefined || offered.includes(TLS_1_3) ? lenient : insisting;
      server.emit('connection', socket);
    });
  });
  server.maxConnections = CONNECTION_LIMIT;
  const port = await listenTcp(server, endpoint);
  // An accept that fails (no descriptors left) must not end the process.
  server.on('error', () => {});
  return {
    endpoint: { host: endpoint.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of open.values()) connection.destroy();
      }),
  };
}

function tlsServer(options: AuthdOptions, open: ReadonlyMap<string, Connection>, insist: boolean): Server {
  const { certificate, clientCa, tls } = options;
  const find = (socket: TLSSocket) => open.get(nameOf(peerOf(socket)));
  const server = createTlsServer({
    cert: certificate.certificate,
    key: certificate.key.reveal(),
    minVersion: tls.min,
    maxVersion: tls.max,
    handshakeTimeout: HANDSHAKE_MS,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true }),
    rejectUnauthorized: insist,
  });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    find(socket)?.serve(socket);
  });
  server.on('tlsClientError', (error, socket) => {
    find(socket)?.handshakeFailed(error);
  });
  return server;
}

function peerOf(socket: Socket): Endpoint {
  return { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
}

function nameOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}

/** One client. */
class Connection {
  readonly from: Endpoint;
  readonly name: string;
  readonly #raw: Socket;
  readonly #options: AuthdOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  // Records that came in one turn with another one: authd reads one each time it is woken, and is not woken for what
  // the TLS library holds already (Wazuh 4.14).
  readonly #unread: Buffer[] = [];
  #readThisTurn = false;
  #text = '';
  #held = 0;
  #state: 'handshake' | 'reading' | 'done' = 'handshake';
  #waiting = false;

  constructor(raw: Socket, options: AuthdOptions) {
    this.#raw = raw;
    this.#options = options;
    this.from = peerOf(raw);
    this.name = nameOf(this.from);
    raw.on('error', () => {});
    raw.on('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
      if (this.#state === 'handshake') this.handshakeFailed(new Error('the connection ended'));
    });
    this.#after(HANDSHAKE_MS, () => this.#state === 'handshake' && this.destroy());
  }

  serve(socket: TLSSocket): void {
    if (this.#state !== 'handshake') return;
    this.#state = 'reading';
    const refusal = this.#certificateFault(socket);
    if (refusal !== undefined) {
      this.#closeSilently(refusal);
      return;
    }
    const idle = IDLE_MS[this.#options.rules.family];
    if (idle !== undefined) this.#after(idle, () => this.#state === 'reading' && this.#closeSilently('timeout'));
    socket.on('data', (record: Buffer) => this.#take(record, socket));
  }

  handshakeFailed(error: Error): void {
    if (this.#state !== 'handshake') return;
    this.#state = 'done';
    this.#options.emit({ type: 'handshake failed', from: this.from, why: error.message });
  }

  destroy(): void {
    this.#raw.destroy();
  }

  #certificateFault(socket: TLSSocket): SilentReason | undefined {
    if (this.#options.clientCa === undefined) return undefined;
    if (Object.keys(socket.getPeerCertificate()).length === 0) return 'no client certificate';
    return socket.authorized ? undefined : 'foreign client certificate';
  }

  #take(record: Buffer, socket: TLSSocket): void {
    if (this.#state !== 'reading') return;
    if (this.#options.rules.family !== 'wazuh-4') {
      this.#answer(record.toString('latin1'), socket);
      return;
    }
    this.#held += record.length;
    if (this.#held > REQUEST_LIMIT) {
      this.destroy();
      return;
    }
    this.#unread.push(record);
    if (this.#readThisTurn) return;
    this.#readThisTurn = true;
    setImmediate(() => {
      this.#readThisTurn = false;
    });
    this.#text += this.#unread.shift()?.toString('latin1') ?? '';
    const end = this.#text.indexOf('\n');
    if (end !== -1) {
      this.#answer(this.#text.slice(0, end), socket);
    } else if (!this.#waiting) {
      this.#waiting = true;
      this.#options.emit({ type: 'left waiting', from: this.from });
    }
  }

  #answer(text: string, socket: TLSSocket): void {
    this.#state = 'done';
    const { rules, store, emit } = this.#options;
    const answer = answerRequest(text, sourceAddress(this.from.host), rules, store);
    if (answer.request !== undefined) emit({ type: 'request', from: this.from, ...answer.request });
    if (answer.kind === 'silent') {
      this.#closeSilently(answer.why);
      return;
    }
    this.#report(answer);
    this.#write(replyRecords(answer, rules.family), socket, () => {
      if (rules.family !== 'ossec') socket.destroySoon();
      else if (answer.kind === 'key') this.#finish();
      else this.#after(SLEEP_AFTER_ERROR_MS, () => this.#finish());
    });
  }

  // Each record on its own: what is written before the last one went out would be put into one.
  #write(records: readonly string[], socket: TLSSocket, done: () => void): void {
    const [record, ...rest] = records;
    if (record === undefined) done();
    else socket.write(record, 'latin1', () => this.#write(rest, socket, done));
  }

  #report(answer: AuthdAnswer): void {
    const { emit } = this.#options;
    if (answer.kind === 'key') {
      const agent = viewOf(answer.agent);
      for (const old of answer.replaced) emit({ type: 'replaced', agent, old: viewOf(old) });
      if (answer.renamedFrom !== undefined) emit({ type: 'renamed', agent, asked: answer.renamedFrom });
      emit({ type: 'registered', agent });
    }
    emit({ type: 'reply', to: this.from, text: replySummary(answer) });
  }

  #closeSilently(why: SilentReason): void {
    this.#state = 'done';
    this.#options.emit({ type: 'closed silently', from: this.from, why });
    this.#finish();
  }

  // Past the TLS layer: the stream ends without a close_notify, as ossec-authd's does.
  #finish(): void {
    this.#raw.end();
    this.#after(LINGER_MS, () => this.destroy());
  }

  #after(ms: number, run: () => void): void {
    if (this.#raw.destroyed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}
