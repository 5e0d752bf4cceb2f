import type { AgentRecord } from '../../model/agent-record.js';
import type { Endpoint, ManagerFamily } from '../../model/endpoint.js';
import type { CipherSetting } from './candidates.js';
import type { CounterSource, Randomness } from './conversation.js';
import type { OpenTransport, Protocol } from './transport.js';

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
