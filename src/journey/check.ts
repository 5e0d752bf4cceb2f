import { EnrollError } from '../errors.js';
import { readInstalled } from '../keystore/installed.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Journey } from './context.js';
import { requireSameMachine } from './identity.js';
import { type ManagerLink, proveLinkAtAny, requireConnected, runningDaemon } from './prove.js';

/** A link that works. */
export interface CheckedLink {
  readonly record: AgentRecord;
  /** Absent where an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
}

/**
 * Proves the link with the key that is there, and changes nothing but the message counters.
 *
 * @throws EnrollError with `KEY_MISSING`, `KEYS_INVALID`, `KEY_OF_ANOTHER_MACHINE`, `AGENT_NOT_CONNECTED`, or what the handshake found wrong
 */
export async function check(journey: Journey): Promise<CheckedLink> {
  const { settings, agent, edge, observe, signal } = journey;
  const record = await readInstalled(agent.keysFile, edge.keystore.files);
  if (record === undefined) throw new EnrollError('KEY_MISSING', `There is no key in ${agent.keysFile}.`);
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  if (settings.machineBinding) await requireSameMachine(agent, record, edge, signal);
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    requireConnected(daemon);
    return { record };
  }
  return { record, link: await proveLinkAtAny(journey, settings.managers, { record, waitMs: settings.waitMs }) };
}
