import type { AgentRecord } from '../../model/agent-record.js';
import type { HttpsEndpoint } from '../../model/https-endpoint.js';
import type { Dial } from '../../net/connect.js';
import type { ClientCertificate, SeenCertificate, TrustSettings } from '../../net/trust.js';

/** What is to be proven. */
export interface ProveRequest {
  readonly record: AgentRecord;
  readonly manager: HttpsEndpoint;
  readonly trust: TrustSettings;
  readonly clientCertificate?: ClientCertificate | undefined;
  /**
   * Whether the manager has issued this key a moment ago and no agent uses it yet: then the whole greeting is proven,
   * which is seen in the manager's list of agents. Else only the key, which leaves nothing behind.
   */
  readonly fresh: boolean;
  /** How long to wait for the manager to learn the key, in milliseconds. */
  readonly waitMs: number;
  /** How long one request may stay without an answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** The edge that the requests go through. */
export interface ProveEdge {
  readonly dial: Dial;
  /** Whether the dial goes through a proxy, so that the address of this host is not the one that the manager sees. */
  readonly proxied: boolean;
  /** 16 random bytes, new at each call. */
  readonly jti: () => Uint8Array;
  /** This host's clock, in milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Waits by that clock, or until the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told of each certificate as soon as it is judged. */
  readonly onCertificate?: (seen: SeenCertificate) => void;
  /** Told of each request that asks for an acknowledgement, for the progress display. */
  readonly onAttempt?: (attempt: { readonly number: number; readonly protocol: 'https' }) => void;
}
