import { EnrollError } from '../errors.js';
import { type AgentDaemon, agentDaemon } from '../host/agent-daemon.js';
import { type UsedManager, writeConfig } from './configure.js';
import type { Journey } from './context.js';

/**
 * The agent daemon of this host, if it runs: then no test message may be sent, for a manager takes one connection a
 * key (remoted, 4.4 and later) and the counters are the daemon's.
 */
export async function runningDaemon({ agent, edge, observe, signal }: Journey): Promise<AgentDaemon | undefined> {
  const daemon = await agentDaemon(agent, edge.system, signal);
  if (daemon !== undefined) observe({ kind: 'daemon', daemon });
  return daemon;
}

/**
 * What is left to do where a daemon runs with the key that was there before: ossec.conf is pointed at the manager, for
 * the start to come.
 *
 * @throws EnrollError `AGENT_RESTART_NEEDED`, and what keeps ossec.conf from being written
 */
export async function requireRestart(journey: Journey, used?: UsedManager): Promise<never> {
  await writeConfig(journey, used);
  const text = 'The new key is installed, but the agent daemon runs with the one before.';
  throw new EnrollError('AGENT_RESTART_NEEDED', text);
}

/** @throws EnrollError `AGENT_NOT_CONNECTED` unless the daemon says that it is connected */
export function requireConnected({ status }: AgentDaemon): void {
  if (status === 'connected') return;
  const said = status === 'unknown' ? 'does not tell whether it is connected' : `says that it is ${status}`;
  throw new EnrollError('AGENT_NOT_CONNECTED', `The agent daemon runs on this host and ${said}.`);
}
