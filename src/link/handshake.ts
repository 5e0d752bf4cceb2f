import { abortReason, EnrollError, type ErrorCode } from '../errors.js';
import type { AgentRecord } from '../keystore/record.js';
import { type Endpoint, formatEndpoint, type ManagerFamily } from '../manager.js';
import { type Deadline, deadline, pause } from '../net/deadline.js';
import { attemptOver, isFinal } from './attempt.js';
import { type CipherSetting, candidateCiphers, cipherWord, DOUBT_MS } from './candidates.js';
import type { Cipher } from './cipher.js';
import { PING, SHUTDOWN, startup } from './control.js';
import { Conversation, type CounterSource, type Randomness, type Reply } from './conversation.js';
import { Evidence } from './evidence.js';
import { familyOf } from './family.js';
import type { OpenTransport, Protocol, Transport } from './transport.js';

/** What is to be proven. */
export interface HandshakeRequest {
  readonly record: AgentRecord;
  readonly endpoint: Endpoint;
  readonly protocol: 'auto' | Protocol;
  readonly cipher: CipherSetting;
  /** What the enrollment told about the manager. */
  readonly family?: ManagerFamily;
  /** The installed agent's version (`v4.14.7`), so that the manager's version gate is proven too. */
  readonly version?: string;
  /** How long to wait for the manager to learn the key, in milliseconds. */
  readonly waitMs: number;
  /** How long one TCP attempt may stay without an answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** The edge that the handshake works through. */
export interface HandshakeEdge {
  readonly open: OpenTransport;
  readonly counters: CounterSource;
  readonly random: Randomness;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Told of each round, for the progress display. */
  readonly onAttempt?: (attempt: { readonly number: number; readonly protocol: Protocol }) => void;
}

/** That the manager answered a message encrypted with this key. */
export interface LinkProof {
  readonly protocol: Protocol;
  readonly cipher: 'aes' | 'blowfish';
  /** What the answer tells about the manager. */
  readonly family?: ManagerFamily;
  /** Messages sent until one was acknowledged. */
  readonly attempts: number;
  /** From the first message to the acknowledgement, milliseconds. */
  readonly ms: number;
}

/**
 * How often a round goes out. A manager that has just learned the key answers the next round, so this and a round trip
 * is what it costs: below 0.2 s. Rejected messages lock nobody out (remoted, 4.14: 50 ms apart).
 */
const ROUND_MS = 120;
/** How long TCP may try to connect before UDP is tried beside it. */
const TCP_HEAD_START_MS = 300;
/**
 * How long an open TCP port may leave startup and `#ping` unanswered before UDP is tried beside it: something else may
 * listen there, as any service beside an OSSEC manager.
 */
const TCP_DOUBT_MS = 3000;
/** How long a startup that is still on its way may take to be answered before goodbye is said on another protocol. */
const LAST_ANSWER_MS = 500;

/**
 * Proves the link: sends `startup` until the manager acknowledges it, then `shutdown`, so that the agent is not left
 * `pending` (remoted, 4.14: such an agent is never replaceable).
 *
 * With `auto`, TCP is tried first, and UDP beside it as soon as TCP is refused or hangs. Both end when one is
 * acknowledged.
 *
 * @throws EnrollError with `LINK_REFUSED` or `LINK_VERSION_REFUSED` at once where the manager says so in words, with
 * `LINK_PORT_CLOSED`, `LINK_NOT_ACKNOWLEDGED`, `LINK_UNANSWERED` or `LINK_SILENT` when the wait is over
 */
export async function prove(request: HandshakeRequest, edge: HandshakeEdge, signal: AbortSignal): Promise<LinkProof> {
  const evidence = new Evidence();
  const limit = deadline(signal, request.waitMs, () => evidence.toError(request.endpoint, request.waitMs));
  const lanes = new Lanes(request, edge, evidence, limit);
  try {
    return await lanes.race();
  } finally {
    limit.clear();
  }
}

class Lanes {
  readonly #request: HandshakeRequest;
  readonly #edge: HandshakeEdge;
  readonly #evidence: Evidence;
  readonly #limit: Deadline;
  readonly #conversation: Conversation;
  readonly #started: number;
  /** Aborted as soon as one lane has its acknowledgement: the other ends without sending another message. */
  readonly #over = new AbortController();
  /** Aborted when goodbye is said or nothing more is to come: until then a startup on its way may be answered. */
  readonly #parted = new AbortController();
  #winner: Protocol | undefined;
  #tcp: 'untried' | 'refused' | 'open' = 'untried';
  /** The end of the present TCP attempt. */
  #tcpAttempted: Promise<unknown> = Promise.resolve();
  #attempts = 0;

  constructor(request: HandshakeRequest, edge: HandshakeEdge, evidence: Evidence, limit: Deadline) {
    this.#request = request;
    this.#edge = edge;
    this.#evidence = evidence;
    this.#limit = limit;
    this.#conversation = new Conversation(request.record, edge.counters, edge.random);
    this.#started = edge.now();
  }

  async race(): Promise<LinkProof> {
    const { protocol } = this.#request;
    const stop = () => this.#stop(this.#limit.signal.reason);
    this.#limit.signal.addEventListener('abort', stop, { once: true });
    if (this.#limit.signal.aborted) stop();
    const lanes: Promise<LinkProof | undefined>[] = [];
    if (protocol !== 'udp') lanes.push(this.#lane(() => this.#overTcp()));
    if (protocol !== 'tcp') lanes.push(this.#lane(() => this.#overUdp()));
    const ended = await Promise.allSettled(lanes);
    this.#limit.signal.removeEventListener('abort', stop);
    let failure: unknown;
    for (const lane of ended) {
      if (lane.status === 'fulfilled' && lane.value !== undefined) return lane.value;
      if (lane.status === 'rejected') failure ??= lane.reason;
    }
    throw failure ?? abortReason(this.#limit.signal);
  }

  /** A lane that fails for good takes the other one with it. */
  async #lane(run: () => Promise<LinkProof | undefined>): Promise<LinkProof | undefined> {
    try {
      return await run();
    } catch (thrown) {
      this.#stop(thrown);
      throw thrown;
    }
  }

  #stop(reason: unknown): void {
    this.#over.abort(reason);
    this.#parted.abort(reason);
  }

  get #elapsed(): number {
    return this.#edge.now() - this.#started;
  }

  /** The first lane to be acknowledged wins; the other one stops. */
  #claim(protocol: Protocol): boolean {
    if (this.#winner !== undefined || this.#limit.signal.aborted) return false;
    this.#winner = protocol;
    this.#over.abort();
    return true;
  }

  #candidates(protocol: Protocol, round: number): readonly Cipher[] {
    const { cipher: setting, family } = this.#request;
    return candidateCiphers({
      protocol,
      setting,
      ...(family === undefined ? {} : { family }),
      pong: this.#evidence.pong,
      round,
      elapsedMs: this.#elapsed,
    });
  }

  /**
   * OSSEC knows the bare startup only, Wazuh takes it too; with the version in it Wazuh checks the version as well.
   */
  #startup(cipher: Cipher, protocol: Protocol): string {
    const wazuh = protocol === 'tcp' || cipher === 'aes-wazuh' || this.#evidence.pong;
    return startup(wazuh && this.#request.family !== 'ossec' ? this.#request.version : undefined);
  }

  async #sendStartup(transport: Transport, cipher: Cipher): Promise<void> {
    this.#attempts += 1;
    this.#edge.onAttempt?.({ number: this.#attempts, protocol: transport.protocol });
    await this.#conversation.send(transport, cipher, this.#startup(cipher, transport.protocol));
  }

  async #overTcp(): Promise<LinkProof | undefined> {
    const over = this.#over.signal;
    let pinged: Promise<void> | undefined;
    try {
      for (let round = 0; !over.aborted; round++) {
        const nextRound = pause(ROUND_MS, over);
        for (const cipher of this.#candidates('tcp', round)) {
          const attempt = this.#tcpAttempt(cipher);
          this.#tcpAttempted = attempt.catch(() => undefined);
          const proof = await attempt;
          if (proof !== undefined) return proof;
          if (over.aborted) return undefined;
          if (this.#tcp === 'open') pinged ??= this.#pingOverTcp();
        }
        await nextRound;
      }
      return undefined;
    } finally {
      await pinged;
    }
  }

  /** One connection, one startup. `undefined`: no answer to it, as long as the manager does not know the key. */
  async #tcpAttempt(cipher: Cipher): Promise<LinkProof | undefined> {
    const transport = await this.#openTcp();
    if (transport === undefined) return undefined;
    const attempt = deadline(this.#parted.signal, this.#request.timeoutMs, attemptOver);
    try {
      // A startup after the shutdown of the other lane would leave the agent `pending`.
      if (this.#over.signal.aborted) return undefined;
      await this.#sendStartup(transport, cipher);
      for (;;) {
        const reply = await this.#conversation.receive(transport, attempt.signal);
        if (reply.kind === 'acknowledged') return await this.#won(transport, reply.cipher);
        if (reply.kind === 'closed') {
          this.#evidence.note('tcp', 'closed');
          return undefined;
        }
        this.#heed('tcp', reply);
      }
    } catch (thrown) {
      if (isFinal(thrown)) throw thrown;
      // A reset says no more than a close: the next round tries again.
      if (!isTimeout(thrown)) this.#evidence.note('tcp', 'closed');
      return undefined;
    } finally {
      attempt.clear();
      transport.close();
    }
  }

  async #openTcp(): Promise<Transport | undefined> {
    this.#evidence.note('tcp', 'tried');
    try {
      const transport = await this.#edge.open('tcp', this.#over.signal);
      this.#tcp = 'open';
      this.#evidence.note('tcp', 'opened');
      return transport;
    } catch (thrown) {
      if (this.#over.signal.aborted) return undefined;
      if (!(thrown instanceof EnrollError) || thrown.code === 'HOST_UNRESOLVED') throw thrown;
      if (this.#tcp !== 'open' && isProxyFault(thrown)) throw notReached(thrown, this.#request.endpoint);
      if (this.#tcp !== 'open') this.#tcp = 'refused';
      this.#evidence.note('tcp', thrown.code === 'CONNECTION_REFUSED' ? 'refused' : 'timedOut');
      return undefined;
    }
  }

  /** Asks on a connection of its own whether a remoted is there: what it says of the key is nothing. */
  async #pingOverTcp(): Promise<void> {
    const attempt = deadline(this.#over.signal, this.#request.timeoutMs, attemptOver);
    try {
      const transport = await this.#edge.open('tcp', attempt.signal);
      try {
        await transport.send(PING);
        const reply = await this.#conversation.receive(transport, attempt.signal);
        if (reply.kind === 'pong') this.#evidence.note('tcp', 'pong');
      } finally {
        transport.close();
      }
    } catch {
      // No pong is no news: OSSEC and Wazuh before 4.0 have none.
    } finally {
      attempt.clear();
    }
  }

  async #overUdp(): Promise<LinkProof | undefined> {
    const over = this.#over.signal;
    let transport: Transport | undefined;
    try {
      for (let round = 0; !over.aborted; ) {
        const nextRound = pause(ROUND_MS, over);
        if (!this.#udpMayTry()) {
          await pause(20, over);
          continue;
        }
        try {
          transport ??= await this.#openUdp();
          const proof = await this.#udpRound(transport, round, nextRound);
          if (proof !== undefined) return proof;
        } catch (thrown) {
          if (over.aborted && this.#winner !== 'udp') return undefined;
          if (isFinal(thrown)) throw thrown;
          this.#evidence.note('udp', isRefused(thrown) ? 'refused' : 'tried');
          transport?.close();
          transport = undefined;
        }
        round += 1;
        await nextRound;
      }
      return undefined;
    } finally {
      transport?.close();
    }
  }

  /** Where TCP is open the manager takes its agents there: UDP is tried only when that has led nowhere for long. */
  #udpMayTry(): boolean {
    if (this.#request.protocol === 'udp' || this.#request.family === 'ossec') return true;
    if (this.#tcp === 'refused') return true;
    if (this.#tcp === 'untried') return this.#elapsed > TCP_HEAD_START_MS;
    return this.#elapsed > (this.#evidence.pong ? DOUBT_MS : TCP_DOUBT_MS);
  }

  async #openUdp(): Promise<Transport> {
    this.#evidence.note('udp', 'tried');
    return await this.#edge.open('udp', this.#over.signal);
  }

  /** One startup in each cipher, and all that comes back until the next round is due. */
  async #udpRound(transport: Transport, round: number, nextRound: Promise<void>): Promise<LinkProof | undefined> {
    if (round < 3 && !this.#evidence.pong && this.#request.family !== 'ossec') await transport.send(PING);
    for (const cipher of this.#candidates('udp', round)) {
      if (this.#over.signal.aborted) return undefined;
      await this.#sendStartup(transport, cipher);
    }
    const listening = new AbortController();
    const stop = () => listening.abort(attemptOver());
    void nextRound.then(stop);
    for (;;) {
      let reply: Reply;
      try {
        reply = await this.#conversation.receive(transport, listening.signal);
      } catch (thrown) {
        if (listening.signal.aborted) return undefined;
        throw thrown;
      }
      if (reply.kind === 'acknowledged') return await this.#won(transport, reply.cipher);
      if (reply.kind === 'closed') return undefined;
      this.#heed('udp', reply);
    }
  }

  /** Takes note of a reply that is no acknowledgement. @throws EnrollError where the manager refuses in words */
  #heed(protocol: Protocol, reply: Reply): void {
    if (reply.kind === 'pong') this.#evidence.note(protocol, 'pong');
    if (reply.kind === 'unreadable') this.#evidence.note(protocol, 'unreadable');
    if (reply.kind !== 'refused') return;
    const where = formatEndpoint(this.#request.endpoint);
    const code = /version/i.test(reply.words) ? 'LINK_VERSION_REFUSED' : 'LINK_REFUSED';
    throw new EnrollError(code, `The manager (${where}) knows the key and refuses this agent: "${reply.words}".`, {
      managerSaid: reply.words,
    });
  }

  async #won(transport: Transport, cipher: Cipher): Promise<LinkProof | undefined> {
    if (!this.#claim(transport.protocol)) return undefined;
    const ms = Math.round(this.#elapsed);
    const attempts = this.#attempts;
    const { cipher: setting, family: told } = this.#request;
    const known = { setting, pong: this.#evidence.pong, ...(told === undefined ? {} : { family: told }) };
    const family = await familyOf(this.#conversation, transport, cipher, known, this.#limit.signal);
    // OSSEC does not know the word: it would take it for a keepalive.
    if (family !== 'ossec') await this.#sayGoodbye(transport, cipher);
    this.#parted.abort();
    return {
      protocol: transport.protocol,
      cipher: cipherWord(cipher),
      ...(family === undefined ? {} : { family }),
      attempts,
      ms,
    };
  }

  /** The link is proven, whether or not the manager still listens: it may have closed the connection by now. */
  async #sayGoodbye(transport: Transport, cipher: Cipher): Promise<void> {
    if (transport.protocol === 'udp') {
      // A startup over TCP that came in after the shutdown would leave the agent `pending`.
      await Promise.race([this.#tcpAttempted, pause(LAST_ANSWER_MS, this.#limit.signal)]);
    }
    try {
      await this.#conversation.send(transport, cipher, SHUTDOWN);
    } catch (thrown) {
      if (isFinal(thrown)) throw thrown;
    }
  }
}

const PROXY_FAULTS: readonly ErrorCode[] = [
  'PROXY_UNREACHABLE',
  'PROXY_REFUSED',
  'PROXY_CREDENTIALS_REFUSED',
  'NOT_PROXY',
  'CERTIFICATE_UNTRUSTED',
];

/** Whether the proxy, and not the manager, stands in the way: no waiting for the key changes that. */
function isProxyFault({ code }: EnrollError): boolean {
  return PROXY_FAULTS.includes(code);
}

function notReached(cause: EnrollError, endpoint: Endpoint): EnrollError {
  const sentence = `The agent port of the manager (${formatEndpoint(endpoint)}) was not reached. ${cause.message}`;
  return new EnrollError('LINK_SILENT', sentence, { cause, hint: cause.hint });
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof EnrollError && thrown.code === 'CONNECTION_TIMED_OUT';
}

function isRefused(thrown: unknown): boolean {
  return thrown instanceof EnrollError && thrown.code === 'CONNECTION_REFUSED';
}
