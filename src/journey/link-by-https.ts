import { prove } from '../link/https/prove.js';
import type { HttpsProof } from '../link/link-proof.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { HttpsEndpoint } from '../model/https-endpoint.js';
import { pause } from '../net/deadline.js';
import { dialThrough, proxyFor } from '../net/proxy.js';
import type { TrustSettings } from '../net/trust.js';
import type { Journey } from './context.js';

/** What is to be proven to one manager, and by what that is trusted. */
export interface HttpsRequest {
  readonly record: AgentRecord;
  readonly trust: TrustSettings;
  /** Whether this run has got the key, and no agent uses it yet. */
  readonly fresh: boolean;
  readonly waitMs: number;
}

/** Proves the link with signed requests (Wazuh 5). What is signed shows the manager nothing of the key. */
export async function proveByHttps(
  { settings, edge, observe, signal }: Journey,
  manager: HttpsEndpoint,
  { record, trust, fresh, waitMs }: HttpsRequest,
): Promise<HttpsProof> {
  const { timeoutMs, clientCertificate } = settings;
  return await prove(
    {
      record,
      manager,
      trust,
      clientCertificate,
      fresh,
      waitMs,
      timeoutMs,
    },
    {
      dial: dialThrough(settings.proxy, edge.dial, timeoutMs),
      proxied: proxyFor(manager, settings.proxy) !== undefined,
      jti: edge.jti,
      clock: edge.disk.now,
      now: edge.now,
      pause,
      onAttempt: (attempt) => observe({ kind: 'attempt', ...attempt }),
    },
    signal,
  );
}
