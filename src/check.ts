import { EnrollError } from './errors.js';
import type { Journey } from './journey.js';
import { readInstalled } from './keystore/installed.js';
import type { AgentRecord } from './keystore/record.js';
import type { LinkProof } from './link/handshake.js';
import { proveLinkAtAny, requireConnected, runningDaemon } from './link-proof.js';

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
export async function check(journey: Journey): Promise<CheckedLink> {
  const { settings, agent, edge, observe, signal } = journey;
  const record = await readInstalled(agent.keysFile, edge.keystore.files);
  if (record === undefined) throw new EnrollError('KEY_MISSING', `There is no key in ${agent.keysFile}.`);
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    requireConnected(daemon);
    return { record };
  }
  return { record, link: await proveLinkAtAny(journey, settings.managers, { record, waitMs: settings.waitMs }) };
}
