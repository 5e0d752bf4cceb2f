import type { JourneyEdge } from './edge.js';
import { EnrollError } from './errors.js';
import type { Observe } from './events.js';
import type { AgentInstallation } from './host/host.js';
import { readInstalled } from './keystore/installed.js';
import type { AgentRecord } from './keystore/record.js';
import type { LinkProof } from './link/handshake.js';
import { proveLink, requireConnected, runningDaemon } from './link-proof.js';
import type { Settings } from './settings/settings.js';

/** A link that works. */
export interface CheckedLink {
  readonly record: AgentRecord;
  /** Absent where an agent daemon runs and answered for itself. */
  readonly link?: LinkProof;
}

/**
 * Proves the link with the key that is there, and changes nothing but the message counters.
 *
 * @throws EnrollError with `KEY_MISSING`, `KEYS_INVALID`, `AGENT_NOT_CONNECTED`, or what the handshake found wrong
 */
export async function check(
  settings: Settings,
  agent: AgentInstallation,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<CheckedLink> {
  const record = await readInstalled(agent.keysFile, edge.keystore.files);
  if (record === undefined) throw new EnrollError('KEY_MISSING', `There is no key in ${agent.keysFile}.`);
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    requireConnected(daemon);
    return { record };
  }
  let failure: unknown;
  for (const manager of settings.managers) {
    try {
      const link = await proveLink(
        { record, manager, agent, waitMs: settings.waitMs },
        settings,
        edge,
        observe,
        signal,
      );
      return { record, link };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      failure ??= thrown;
    }
  }
  throw failure ?? new EnrollError('MANAGER_MISSING', 'No manager is named.');
}
