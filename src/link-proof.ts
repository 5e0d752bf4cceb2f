import type { JourneyEdge } from './edge.js';
import { EnrollError } from './errors.js';
import type { Observe } from './events.js';
import { type AgentDaemon, agentDaemon } from './host/agent-daemon.js';
import type { AgentInstallation } from './host/host.js';
import type { AgentRecord } from './keystore/record.js';
import { ReservedCounters } from './keystore/reserved-counters.js';
import { SenderCounter } from './keystore/sender-counter.js';
import { type LinkProof, prove } from './link/handshake.js';
import { opener } from './link/open.js';
import type { ManagerFamily } from './manager.js';
import type { ManagerSettings, Settings } from './settings/settings.js';

/** The key whose link is to be proven, and to whom. */
export interface ProofRequest {
  readonly record: AgentRecord;
  readonly manager: ManagerSettings;
  readonly agent: AgentInstallation;
  readonly family?: ManagerFamily;
  readonly waitMs: number;
}

/**
 * Proves the link with a test handshake. The message counters are safe on the disk before each message and exact
 * afterwards, whatever comes of it.
 *
 * @throws EnrollError as {@link prove}, and `FILE_UNWRITABLE` where the counters cannot be kept
 */
export async function proveLink(
  { record, manager, agent, family, waitMs }: ProofRequest,
  settings: Settings,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<LinkProof> {
  observe({ kind: 'proving', endpoint: manager.agent, waitMs });
  const counters = new ReservedCounters(await SenderCounter.open(agent, edge.keystore));
  const { timeoutMs } = settings;
  try {
    const proof = await prove(
      {
        record,
        endpoint: manager.agent,
        protocol: manager.protocol,
        cipher: settings.cipher,
        ...(family === undefined ? {} : { family }),
        ...(agent.version === undefined ? {} : { version: agent.version }),
        waitMs,
        timeoutMs,
      },
      {
        open: opener(manager.agent, { dial: edge.dial(timeoutMs), timeoutMs }),
        counters,
        random: edge.random,
        now: edge.now,
        onAttempt: (attempt) => observe({ kind: 'attempt', ...attempt }),
      },
      signal,
    );
    observe({ kind: 'proved', proof });
    return proof;
  } finally {
    await counters.settle();
  }
}

/**
 * The agent daemon of this host, if it runs: then no test message may be sent, for a manager takes one connection a
 * key (remoted, 4.4 and later) and the counters are the daemon's.
 */
export async function runningDaemon(
  agent: AgentInstallation,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<AgentDaemon | undefined> {
  const daemon = await agentDaemon(agent, edge.system, signal);
  if (daemon !== undefined) observe({ kind: 'daemon', daemon });
  return daemon;
}

/** @throws EnrollError `AGENT_NOT_CONNECTED` unless the daemon says that it is connected */
export function requireConnected({ status }: AgentDaemon): void {
  if (status === 'connected') return;
  const said = status === 'unknown' ? 'does not tell whether it is connected' : `says that it is ${status}`;
  throw new EnrollError('AGENT_NOT_CONNECTED', `The agent daemon runs on this host and ${said}.`);
}
