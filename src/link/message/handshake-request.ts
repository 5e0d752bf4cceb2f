import type { AgentRecord } from '../../model/agent-record.js';
import type { Endpoint, ManagerFamily } from '../../model/endpoint.js';
import type { Pause } from './attempt.js';
import type { CipherSetting, WorkedBefore } from './candidates.js';
import type { CounterSource, Randomness } from './conversation.js';
import type { OpenTransport, Protocol } from './transport.js';

/** What is to be proven. */
export interface HandshakeRequest {
  readonly record: AgentRecord;
  readonly endpoint: Endpoint;
  readonly protocol: 'auto' | Protocol;
  readonly cipher: CipherSetting;
  /** What the enrollment told about the manager. */
  readonly family?: ManagerFamily | undefined;
  /** What this manager acknowledged before: it is tried first, and alone. */
  readonly worked?: WorkedBefore | undefined;
  /** The installed agent's version (`v4.14.7`), so that the manager's version gate is proven too. */
  readonly version?: string | undefined;
  /** Where the manager's authd listens, so that it is known for what it is if it is asked by mistake. */
  readonly enrollmentPort?: number;
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
  /** Waits by that clock; absent: by the real one. */
  readonly pause?: Pause;
  /** Told of each message that asks for an acknowledgement, for the progress display. */
  readonly onAttempt?: (attempt: { readonly number: number; readonly protocol: Protocol }) => void;
}
