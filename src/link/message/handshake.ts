import { abortReason } from '../../errors.js';
import type { AgentRecord } from '../../model/agent-record.js';
import type { Endpoint, ManagerFamily } from '../../model/endpoint.js';
import { deadline } from '../../net/deadline.js';
import type { CipherSetting } from './candidates.js';
import type { CounterSource, Randomness } from './conversation.js';
import { Evidence } from './evidence.js';
import { Race } from './race.js';
import { tcpLane } from './tcp-lane.js';
import type { OpenTransport, Protocol } from './transport.js';
import { udpLane } from './udp-lane.js';

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
  const race = new Race(request, edge, evidence, limit.signal);
  const stop = () => race.stop(limit.signal.reason);
  limit.signal.addEventListener('abort', stop, { once: true });
  if (limit.signal.aborted) stop();
  const lanes = [
    ...(request.protocol === 'udp' ? [] : [tcpLane]),
    ...(request.protocol === 'tcp' ? [] : [udpLane]),
  ].map((lane) => untilItEnds(lane, race));
  try {
    let failure: unknown;
    for (const ended of await Promise.allSettled(lanes)) {
      if (ended.status === 'fulfilled' && ended.value !== undefined) return ended.value;
      if (ended.status === 'rejected') failure ??= ended.reason;
    }
    throw failure ?? abortReason(limit.signal);
  } finally {
    limit.signal.removeEventListener('abort', stop);
    limit.clear();
  }
}

/** Tries one protocol until it is acknowledged, or the race is over (`undefined`). */
type Lane = (race: Race) => Promise<LinkProof | undefined>;

/** A lane that fails for good takes the other one with it. */
async function untilItEnds(lane: Lane, race: Race): Promise<LinkProof | undefined> {
  try {
    return await lane(race);
  } catch (thrown) {
    race.stop(thrown);
    throw thrown;
  }
}
