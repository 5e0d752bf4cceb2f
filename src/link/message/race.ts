import { EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { pause } from '../../net/deadline.js';
import type { LinkProof } from '../link-proof.js';
import { isFinal } from './attempt.js';
import { candidateCiphers, cipherWord } from './candidates.js';
import type { Cipher } from './cipher.js';
import { namesItsVersion, SHUTDOWN, startup } from './control.js';
import { Conversation, type Reply } from './conversation.js';
import type { Evidence } from './evidence.js';
import { familyOf } from './family.js';
import type { HandshakeEdge, HandshakeRequest } from './handshake-request.js';
import type { Protocol, Transport } from './transport.js';

/**
 * How often a round goes out. A manager that has just learned the key answers the next round, so this and a round trip
 * is what it costs: below 0.2 s. Rejected messages lock nobody out (remoted, 4.14: 50 ms apart).
 */
export const ROUND_MS = 120;
/** How long a startup that is still on its way may take to be answered before goodbye is said on another protocol. */
const LAST_ANSWER_MS = 500;

/** What the lanes of one handshake share: the messages sent, what was seen, and who has won. */
export class Race {
  readonly request: HandshakeRequest;
  readonly edge: HandshakeEdge;
  readonly evidence: Evidence;
  readonly conversation: Conversation;
  /** What is known of the TCP port. */
  tcp: 'untried' | 'refused' | 'open' = 'untried';
  /** The end of the present TCP attempt. */
  tcpAttempted: Promise<unknown> = Promise.resolve();
  readonly #limit: AbortSignal;
  readonly #started: number;
  readonly #over = new AbortController();
  readonly #parted = new AbortController();
  #winner: Protocol | undefined;
  #attempts = 0;

  /** @param limit ends the wait, with the error to end with as its reason */
  constructor(request: HandshakeRequest, edge: HandshakeEdge, evidence: Evidence, limit: AbortSignal) {
    this.request = request;
    this.edge = edge;
    this.evidence = evidence;
    this.conversation = new Conversation(request.record, edge.counters, edge.random);
    this.#limit = limit;
    this.#started = edge.now();
  }

  /** Aborted as soon as one lane has its acknowledgement: the other ends without sending another message. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Aborted when goodbye is said or nothing more is to come: until then a startup on its way may be answered. */
  get parted(): AbortSignal {
    return this.#parted.signal;
  }

  /** The protocol that was acknowledged. */
  get winner(): Protocol | undefined {
    return this.#winner;
  }

  /** How long the handshake has been trying, in milliseconds. */
  get elapsedMs(): number {
    return this.edge.now() - this.#started;
  }

  /** Ends both lanes. */
  stop(reason: unknown): void {
    this.#over.abort(reason);
    this.#parted.abort(reason);
  }

  /** The ciphers to try in this round. */
  candidates(protocol: Protocol, round: number): readonly Cipher[] {
    const { cipher: setting, family } = this.request;
    return candidateCiphers({
      protocol,
      setting,
      ...(family === undefined ? {} : { family }),
      pong: this.evidence.pong,
      round,
      elapsedMs: this.elapsedMs,
    });
  }

  /**
   * Sends a startup, as the installed agent would: with its version in it since 4.6, which Wazuh then checks. OSSEC knows
   * the bare one only, Wazuh takes it too.
   */
  async sendStartup(transport: Transport, cipher: Cipher): Promise<void> {
    this.#attempts += 1;
    const { protocol } = transport;
    this.edge.onAttempt?.({ number: this.#attempts, protocol });
    const wazuh = protocol === 'tcp' || cipher === 'aes-wazuh' || this.evidence.pong;
    const { family, version } = this.request;
    const named = wazuh && family !== 'ossec' && version !== undefined && namesItsVersion(version);
    await this.conversation.send(transport, cipher, startup(named ? version : undefined));
  }

  /** Takes note of a reply that is no acknowledgement. @throws EnrollError where the manager refuses in words */
  heed(protocol: Protocol, reply: Reply): void {
    if (reply.kind === 'pong') this.evidence.note(protocol, 'pong');
    if (reply.kind === 'unreadable') this.evidence.note(protocol, 'unreadable');
    if (reply.kind !== 'refused') return;
    const where = formatEndpoint(this.request.endpoint);
    const code = /version/i.test(reply.words) ? 'LINK_VERSION_REFUSED' : 'LINK_REFUSED';
    throw new EnrollError(code, `The manager (${where}) knows the key and refuses this agent: "${reply.words}".`, {
      managerSaid: reply.words,
    });
  }

  /** The manager has acknowledged: says goodbye, and gives the proof; `undefined` where the other lane was first. */
  async won(transport: Transport, cipher: Cipher): Promise<LinkProof | undefined> {
    const { protocol } = transport;
    if (this.#winner !== undefined || this.#limit.aborted) return undefined;
    this.#winner = protocol;
    this.#over.abort();
    const ms = Math.round(this.elapsedMs);
    const attempts = this.#attempts;
    const { cipher: setting, family: told } = this.request;
    const known = { setting, pong: this.evidence.pong, ...(told === undefined ? {} : { family: told }) };
    const family = await familyOf(this.conversation, transport, cipher, known, this.#limit);
    // OSSEC does not know the word: it would take it for a keepalive.
    if (family !== 'ossec') await this.#sayGoodbye(transport, cipher);
    this.#parted.abort();
    return { protocol, cipher: cipherWord(cipher), ...(family === undefined ? {} : { family }), attempts, ms };
  }

  /** The link is proven, whether or not the manager still listens: it may have closed the connection by now. */
  async #sayGoodbye(transport: Transport, cipher: Cipher): Promise<void> {
    if (transport.protocol === 'udp') {
      // A startup over TCP that came in after the shutdown would leave the agent `pending`.
      await Promise.race([this.tcpAttempted, pause(LAST_ANSWER_MS, this.#limit)]);
    }
    try {
      await this.conversation.send(transport, cipher, SHUTDOWN);
    } catch (thrown) {
      if (isFinal(thrown)) throw thrown;
    }
  }
}
