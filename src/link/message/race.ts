import { abortReason } from '../../errors.js';
import type { ManagerFamily } from '../../model/endpoint.js';
import { pause } from '../../net/deadline.js';
import type { MessageProof } from '../link-proof.js';
import { cipherWord, nextCipher, type Way, workingWay } from './candidates.js';
import type { Cipher } from './cipher.js';
import { namesItsVersion, startup } from './control.js';
import { Conversation, type Reply } from './conversation.js';
import { sayGoodbye } from './goodbye.js';
import type { HandshakeEdge, HandshakeRequest } from './handshake-request.js';
import { refusedInWords } from './refusal.js';
import { Sightings } from './sightings.js';
import { strangerOf } from './stranger.js';
import type { Protocol, Transport } from './transport.js';
import { Turns } from './turns.js';

/** A refusal that comes sooner than this comes at once, in milliseconds. */
export const AT_ONCE_MS = 1000;

/** What all that is tried in one handshake shares: the messages sent, what was seen, and who has won. */
export class Race {
  readonly request: HandshakeRequest;
  readonly edge: HandshakeEdge;
  readonly conversation: Conversation;
  readonly sightings: Sightings;
  readonly turns: Turns;
  /** The proof; or what the handshake failed with. */
  readonly ended: Promise<MessageProof>;
  /** Whether the manager has closed or answered a TCP connection at once: one that is silent for long then is stalled. */
  quick = false;
  /** Whether a TCP connection was made. */
  tcpOpened = false;
  /** The TCP connections that a startup is on its way on. */
  readonly outstanding = new Map<Transport, Promise<unknown>>();
  readonly #over = new AbortController();
  readonly #parted = new AbortController();
  readonly #work = new Set<Promise<void>>();
  readonly #started: number;
  #end: { readonly well: (proof: MessageProof) => void; readonly ill: (reason: unknown) => void };
  #winner: Transport | undefined;
  #attempts = 0;

  constructor(request: HandshakeRequest, edge: HandshakeEdge) {
    this.request = request;
    this.edge = edge;
    this.conversation = new Conversation(request.record, edge.counters, edge.random);
    this.#started = edge.now();
    this.sightings = new Sightings(() => this.elapsedMs);
    this.turns = new Turns({ elapsedMs: () => this.elapsedMs, pause: this.pause });
    this.#end = { well: () => {}, ill: () => {} };
    this.ended = new Promise((resolve, reject) => {
      this.#end = { well: resolve, ill: reject };
    });
    this.ended.catch(() => {});
  }

  /** Aborted as soon as there is an acknowledgement, or none is waited for any more: nobody sends another startup. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Aborted when goodbye is said or nothing more is to come: until then a startup on its way may be answered. */
  get parted(): AbortSignal {
    return this.#parted.signal;
  }

  /** How long the handshake has been trying, in milliseconds. */
  get elapsedMs(): number {
    return this.edge.now() - this.#started;
  }

  /** Messages sent that ask for an acknowledgement. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The cipher of the message that goes over `protocol` after `round` others. */
  cipherFor(protocol: Protocol, round: number): Cipher {
    const { cipher: setting, family } = this.request;
    return nextCipher({ protocol, setting, family, pong: this.sightings.pong, round });
  }

  /** By which way the manager was reached before, if one is known. */
  get worked(): Way | undefined {
    const { worked, protocol, cipher: setting } = this.request;
    return workingWay(worked, { protocol, setting });
  }

  readonly pause = (ms: number, signal: AbortSignal = this.over): Promise<void> =>
    (this.edge.pause ?? pause)(ms, signal);

  /** Does something beside the rest. What it fails with, the handshake fails with. */
  begin(work: Promise<unknown>): void {
    const watched = work.then(
      () => {},
      (thrown: unknown) => this.fail(thrown),
    );
    this.#work.add(watched);
    void watched.then(() => this.#work.delete(watched));
  }

  /** Ends everything. With an acknowledgement there is a proof all the same. */
  stop(reason: unknown): void {
    this.#over.abort(reason);
    this.#parted.abort(reason);
    if (this.#winner === undefined) this.#end.ill(abortReason(this.over));
  }

  fail(thrown: unknown): void {
    this.#end.ill(thrown);
    this.stop(thrown);
  }

  /** Resolves when all that was begun has come to an end. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /**
   * Sends a startup, as the installed agent would: with its version in it since 4.6, which Wazuh then checks. OSSEC knows
   * the bare one only, Wazuh takes it too.
   * @param beforeTheEnd over TCP, what the last byte of it waits for
   */
  async sendStartup(transport: Transport, cipher: Cipher, beforeTheEnd?: () => Promise<unknown>): Promise<void> {
    this.#attempts += 1;
    const { protocol } = transport;
    this.edge.onAttempt?.({ number: this.#attempts, protocol });
    const wazuh = protocol === 'tcp' || cipher === 'aes-wazuh' || this.sightings.pong;
    const { family, version } = this.request;
    const named = wazuh && family !== 'ossec' && version !== undefined && namesItsVersion(version);
    await this.conversation.send(transport, cipher, startup(named ? version : undefined), beforeTheEnd);
  }

  /** Takes note of a reply that is no acknowledgement. @throws LinkError where the manager refuses in words */
  heed(protocol: Protocol, reply: Reply): void {
    if (reply.kind === 'pong') this.sightings.notePong(protocol);
    if (reply.kind === 'other' || reply.kind === 'garbled') this.sightings.noteAnswer(protocol);
    if (reply.kind === 'unreadable') this.sightings.noteStranger(protocol, strangerOf(reply.bytes));
    if (reply.kind === 'refused') throw refusedInWords(this.request, this.sightings, this, protocol, reply.words);
  }

  /** The manager has acknowledged: says goodbye, and has the proof, unless another was first. */
  async won(transport: Transport, cipher: Cipher): Promise<void> {
    if (this.over.aborted) return;
    this.#winner = transport;
    const { elapsedMs, attempts } = this;
    this.#over.abort();
    const { protocol, localAddress } = transport;
    const family = await sayGoodbye(this, transport, cipher, this.#toldFamily({ protocol, cipher }));
    this.#parted.abort();
    this.#end.well({
      protocol,
      cipher: cipherWord(cipher),
      ...(family === undefined ? {} : { family }),
      attempts,
      ms: Math.round(elapsedMs),
      ...(localAddress === undefined ? {} : { localAddress }),
    });
  }

  /** What worked before vouches for the family where it works again. */
  #toldFamily(way: Way): ManagerFamily | undefined {
    const { family, worked } = this.request;
    const same = this.worked?.protocol === way.protocol && this.worked.cipher === way.cipher;
    return family ?? (same ? worked?.family : undefined);
  }
}
