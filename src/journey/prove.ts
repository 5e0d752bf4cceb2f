import { abortReason, EnrollError } from '../errors.js';
import { rememberAcknowledged } from '../keystore/notes/acknowledged.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { ManagerFamily } from '../model/endpoint.js';
import type { ManagerSettings } from '../settings/settings.js';
import { writeConfig } from './configure.js';
import type { Journey } from './context.js';
import { type ManagerLink, proveLinkAtAny, requireConnected, runningDaemon } from './prove.js';

/** What is known of a key that lies in its place. */
export interface InstalledFacts {
  /** Whether this run has put it there. */
  readonly changed: boolean;
  /** The manager that issued it, if one did; it is tried first. */
  readonly issuer?: ManagerSettings;
  readonly family?: ManagerFamily | undefined;
}

/**
 * Proves the link with the key that now lies in its place, and points the agent at the manager that answered.
 *
 * @returns `undefined` where no handshake was asked for, or an agent daemon runs and says that it is connected
 * @throws EnrollError `AGENT_RESTART_NEEDED` and `AGENT_NOT_CONNECTED` of an agent daemon, and what the handshake found
 * wrong
 */
export async function proveInstalled(
  journey: Journey,
  record: AgentRecord,
  { changed, issuer, family }: InstalledFacts,
): Promise<ManagerLink | undefined> {
  const { settings, agent, edge, observe, signal } = journey;
  const unproven = () => writeConfig(journey, issuer === undefined ? {} : { endpoint: issuer.agent });
  if (!settings.handshake) {
    await unproven();
    return undefined;
  }
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    await unproven();
    if (!changed) {
      requireConnected(daemon);
      return undefined;
    }
    const text = 'The new key is installed, but the agent daemon runs with the one before.';
    throw new EnrollError('AGENT_RESTART_NEEDED', text);
  }
  const managers = settings.managers.toSorted((a, b) => Number(b === issuer) - Number(a === issuer));
  const request = { record, waitMs: settings.waitMs, ...(family === undefined ? {} : { family }) };
  try {
    const link = await proveLinkAtAny(journey, managers, request);
    await rememberAcknowledged(agent, record, edge.keystore);
    await writeConfig(journey, link);
    return link;
  } catch (thrown) {
    if (!signal.aborted || abortReason(signal).code !== 'DEADLINE_PASSED') throw thrown;
    const text = 'The key is installed, but the manager did not acknowledge it before the deadline of the run.';
    throw new EnrollError('LINK_SILENT', text, {
      hint: 'Run agent-enroll check, or give the run more time with --deadline.',
      cause: thrown,
    });
  }
}
