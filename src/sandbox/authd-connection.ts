import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Endpoint } from '../model/endpoint.js';
import { sourceAddress } from './addresses.js';
import { type AgentStore, viewOf } from './agent-table.js';
import {
  type AuthdAnswer,
  type AuthdRules,
  answerRequest,
  replyRecords,
  replySummary,
  type SandboxFamily,
} from './authd-protocol.js';
import type { SandboxEvent, SilentReason } from './sandbox-events.js';

/** What every connection to authd needs to know. */
export interface AuthdService {
  /** PEM of the CA whose certificates clients must show. */
  readonly clientCa?: string;
  readonly rules: AuthdRules;
  readonly store: AgentStore;
  /** Where authd dies over the request that it has now: before or after it registered the agent. */
  readonly dies: () => 'before' | 'after' | undefined;
  readonly emit: (event: SandboxEvent) => void;
}

/** How long a TLS handshake may take, in ms. */
export const HANDSHAKE_MS = 30_000;

// OSSEC 4.3 gives a client 30 s and sleeps 1 s after an ERROR; Wazuh 4.13 and later wait for ever.
// For 3.x nothing was measured; it is given OSSEC's patience.
const IDLE_MS: Readonly<Record<SandboxFamily, number | undefined>> = {
  ossec: 30_000,
  'wazuh-3': 30_000,
  'wazuh-4': undefined,
};
const SLEEP_AFTER_ERROR_MS = 1_000;
const LINGER_MS = 2_000;
// As much as authd reads of a request (Wazuh 4.14): what comes after it is cut off.
const REQUEST_LIMIT = 69_632;
// As much as a TLS record holds (RFC 8446 §5.1).
const FULL_RECORD = 16_384;
// What a client may send without an answer before the sandbox lets go of it.
const UNREAD_LIMIT = 1_048_576;

/** The other end of a socket. */
export function peerOf(socket: Socket): Endpoint {
  return { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
}

/** One client of authd: its one request, the answer, and the way it ends. */
export class AuthdConnection {
  readonly from: Endpoint;
  readonly #raw: Socket;
  readonly #service: AuthdService;
  readonly #timers = new Set<NodeJS.Timeout>();
  // Records that came in one turn with another one: authd reads one each time it is woken, and is not woken for what
  // the TLS library holds already. A full record is only the first part of something longer, and is read on from
  // (Wazuh 4.14: two small records in one segment are never answered, a request of 16 kB and more is).
  readonly #unread: Buffer[] = [];
  #readThisTurn = false;
  #text = '';
  #unreadBytes = 0;
  #state: 'handshake' | 'reading' | 'done' = 'handshake';
  #waiting = false;

  constructor(raw: Socket, service: AuthdService) {
    this.#raw = raw;
    this.#service = service;
    this.from = peerOf(raw);
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
    const idle = IDLE_MS[this.#service.rules.family];
    if (idle !== undefined) this.#after(idle, () => this.#state === 'reading' && this.#closeSilently('timeout'));
    socket.on('data', (record: Buffer) => this.#take(record, socket));
  }

  handshakeFailed(error: Error): void {
    if (this.#state !== 'handshake') return;
    this.#state = 'done';
    this.#service.emit({ type: 'handshake failed', service: 'authd', from: this.from, why: error.message });
  }

  destroy(): void {
    this.#raw.destroy();
  }

  #certificateFault(socket: TLSSocket): SilentReason | undefined {
    if (this.#service.clientCa === undefined) return undefined;
    if (Object.keys(socket.getPeerCertificate()).length === 0) return 'no client certificate';
    return socket.authorized ? undefined : 'foreign client certificate';
  }

  #take(record: Buffer, socket: TLSSocket): void {
    if (this.#state !== 'reading') return;
    if (this.#service.rules.family !== 'wazuh-4') {
      this.#answer(record.toString('latin1'), socket);
      return;
    }
    this.#unread.push(record);
    this.#unreadBytes += record.length;
    while (this.#state === 'reading' && !this.#readThisTurn && this.#unread.length > 0) this.#read(socket);
    if (this.#unreadBytes > UNREAD_LIMIT) this.destroy();
  }

  #read(socket: TLSSocket): void {
    const record = this.#unread.shift()?.toString('latin1') ?? '';
    this.#unreadBytes -= record.length;
    this.#text += record;
    if (record.length < FULL_RECORD) {
      this.#readThisTurn = true;
      setImmediate(() => {
        this.#readThisTurn = false;
      });
    }
    const read = this.#text.slice(0, REQUEST_LIMIT);
    const end = read.indexOf('\n');
    if (end !== -1 || read.length === REQUEST_LIMIT) {
      this.#answer(end === -1 ? read : read.slice(0, end), socket);
    } else if (!this.#waiting && this.#readThisTurn) {
      this.#waiting = true;
      this.#service.emit({ type: 'left waiting', from: this.from });
    }
  }

  #answer(text: string, socket: TLSSocket): void {
    this.#state = 'done';
    const { rules, store, emit } = this.#service;
    const death = this.#service.dies();
    if (death === 'before') {
      this.#closeSilently('died');
      return;
    }
    const answer = answerRequest(text, sourceAddress(this.from.host), rules, store);
    if (answer.request !== undefined) emit({ type: 'request', from: this.from, ...answer.request });
    if (answer.kind === 'silent') {
      this.#closeSilently(answer.why);
      return;
    }
    this.#reportAgents(answer);
    if (death === 'after') {
      this.#closeSilently('died');
      return;
    }
    emit({ type: 'reply', to: this.from, text: replySummary(answer) });
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

  #reportAgents(answer: AuthdAnswer): void {
    if (answer.kind !== 'key') return;
    const { emit } = this.#service;
    const agent = viewOf(answer.agent);
    for (const old of answer.replaced) emit({ type: 'replaced', agent, old: viewOf(old) });
    if (answer.renamedFrom !== undefined) emit({ type: 'renamed', agent, asked: answer.renamedFrom });
    emit({ type: 'registered', agent });
  }

  #closeSilently(why: SilentReason): void {
    this.#state = 'done';
    this.#service.emit({ type: 'closed silently', from: this.from, why });
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
