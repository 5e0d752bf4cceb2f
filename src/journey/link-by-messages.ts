import { ReservedCounters } from '../keystore/reserved-counters.js';
import { SenderCounter } from '../keystore/sender-counter.js';
import type { MessageProof } from '../link/link-proof.js';
import type { WorkedBefore } from '../link/message/candidates.js';
import { prove } from '../link/message/handshake.js';
import { opener } from '../link/message/open.js';
import type { Protocol } from '../link/message/transport.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { ManagerFamily } from '../model/endpoint.js';
import { dialThrough, proxyFor } from '../net/proxy.js';
import type { ProxySettings } from '../net/proxy-settings.js';
import type { ManagerSettings } from '../settings/settings.js';
import type { Journey } from './context.js';

/** What is known of the link to one manager. */
export interface MessageRequest {
  readonly record: AgentRecord;
  readonly family?: ManagerFamily | undefined;
  readonly worked?: WorkedBefore | undefined;
  readonly waitMs: number;
}

/**
 * Proves the link with a test handshake in the message protocol (OSSEC, Wazuh 3 and 4). The message counters are safe on
 * the disk before each message and exact afterwards, whatever comes of it.
 */
export async function proveByMessages(
  { settings, agent, edge, observe, signal }: Journey,
  manager: ManagerSettings,
  { record, family, worked, waitMs }: MessageRequest,
): Promise<MessageProof> {
  const counters = new ReservedCounters(await SenderCounter.open(agent, edge.disk));
  const { timeoutMs } = settings;
  const proxy = proxyFor(manager.agent, settings.proxy);
  try {
    return await prove(
      {
        record,
        endpoint: manager.agent,
        protocol: protocolThrough(proxy, manager.protocol, family),
        cipher: settings.cipher,
        family,
        worked,
        version: agent.version,
        enrollmentPort: manager.enrollment.port,
        waitMs,
        timeoutMs,
      },
      {
        open: opener(manager.agent, {
          dial: dialThrough(settings.proxy, edge.dial, timeoutMs),
          timeoutMs,
          proxied: proxy !== undefined,
          lookup: edge.lookup,
        }),
        counters,
        random: edge.random,
        now: edge.now,
        onAttempt: (attempt) => observe({ kind: 'attempt', ...attempt }),
      },
      signal,
    );
  } finally {
    await counters.settle();
  }
}

/**
 * Over what the link is proven where a proxy applies to the manager. A proxy carries TCP only, so `auto` does not try
 * UDP past it; OSSEC, which knows UDP only, is reached directly where nobody named the proxy for this run.
 */
export function protocolThrough(
  proxy: ProxySettings | undefined,
  protocol: 'auto' | Protocol,
  family: ManagerFamily | undefined,
): 'auto' | Protocol {
  if (proxy === undefined || protocol !== 'auto') return protocol;
  return family === 'ossec' && !proxy.explicit ? 'udp' : 'tcp';
}
