import { posix, win32 } from 'node:path';
import type { AgentInstallation } from '../model/host.js';
import { type ProcessFacts, processOf, serviceProcess } from './process-facts.js';
import type { SystemEdge } from './system.js';

/** What an agent daemon says of its link to the manager. */
export type AgentStatus = 'connected' | 'pending' | 'disconnected' | 'unknown';

/** An agent's own state file. The times are the daemon's words: local time, without a zone. */
export interface AgentState {
  readonly status: AgentStatus;
  /** When the manager last acknowledged anything; absent: not yet (for up to 20 s after the connection, Wazuh 4.14), or that is not told (Wazuh 5). */
  readonly lastAck?: string;
  readonly lastKeepalive?: string;
}

/** An agent daemon that runs with a home. */
export interface AgentDaemon extends AgentState {
  /** `wazuh-agentd`, `ossec-agentd`; the service's name on Windows. */
  readonly name: string;
  /** Absent on Windows. */
  readonly pid?: number;
  readonly facts: ProcessFacts;
  /** When it said so, in milliseconds since 1970; absent: what it says holds until it says something else. */
  readonly saidAt?: number;
}

/** The agent daemon that runs with this home; `undefined`: none does. */
export function agentDaemon(
  agent: AgentInstallation,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<AgentDaemon | undefined> {
  return agent.platform === 'windows' ? windowsDaemon(agent, system, signal) : unixDaemon(agent, system, signal);
}

// A pid file outlives a killed daemon, and its number may be another process by now.
async function unixDaemon(
  agent: AgentInstallation,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<AgentDaemon | undefined> {
  const directory = posix.join(agent.home, 'var/run');
  for (const file of await system.list(directory)) {
    const [, name = '', digits = ''] = /^((?:wazuh|ossec)-agentd)-(\d{1,10})\.pid$/.exec(file) ?? [];
    const pid = Number(digits);
    const facts = name === '' ? undefined : await processOf(pid, name, system, signal);
    if (facts === undefined) continue;
    const said =
      (await stateIn(posix.join(directory, `${name}.state`), system)) ?? (await waitFile(agent, name, system));
    return { name, pid, facts, ...said };
  }
  return undefined;
}

/** What the daemon has written into its state file; `undefined`: there is none. */
async function stateIn(
  file: string,
  system: SystemEdge,
): Promise<(AgentState & Pick<AgentDaemon, 'saidAt'>) | undefined> {
  const text = await system.readText(file);
  if (text === undefined) return undefined;
  const look = await system.look(file);
  return { ...parseAgentState(text), ...(typeof look === 'string' ? {} : { saidAt: look.modified }) };
}

/**
 * OSSEC's daemon keeps no state file. It has a file in its queue while it is not connected, and none once it is; after a
 * later loss the file comes back after max_time_reconnect, 1,800 s (ossec-agentd 3.7 and 4.3).
 */
async function waitFile({ home, flavor }: AgentInstallation, name: string, system: SystemEdge): Promise<AgentState> {
  const queue = posix.join(home, 'queue/ossec');
  if (name !== 'ossec-agentd' || flavor === 'wazuh' || !(await system.exists(queue))) return { status: 'unknown' };
  const look = await system.look(posix.join(queue, '.wait'));
  if (look === 'unknown') return { status: 'unknown' };
  return { status: look === 'absent' ? 'connected' : 'disconnected' };
}

async function windowsDaemon(
  agent: AgentInstallation,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<AgentDaemon | undefined> {
  const { systemRoot = 'C:\\Windows' } = system.directories;
  const sc = win32.join(systemRoot, 'System32\\sc.exe');
  // Wazuh since 4.2, and what it was called before.
  for (const name of ['WazuhSvc', 'OssecSvc']) {
    if (!isServiceRunning((await system.run(sc, ['query', name], signal)) ?? '')) continue;
    const configuration = (await system.run(sc, ['qc', name], signal)) ?? '';
    if (!configuration.toLowerCase().includes(`${agent.home.toLowerCase()}\\`)) continue;
    const facts = await serviceProcess(name, { sc, system }, signal);
    for (const file of ['wazuh-agent.state', 'ossec-agent.state']) {
      const said = await stateIn(win32.join(agent.home, file), system);
      if (said !== undefined) return { name, facts, ...said };
    }
    return { name, facts, status: 'unknown' };
  }
  return undefined;
}

const STOPPED = 1;
const STOP_PENDING = 3;

/** Reads what `sc query NAME` prints. The labels are translated, the numbers are not: the second is the state. */
export function isServiceRunning(printed: string): boolean {
  const numbers = [...printed.matchAll(/^[^:\n]+:\s*([0-9a-f]+)\b/gm)].map(([, digits = '']) => digits);
  const state = Number(numbers[1]);
  return state >= STOPPED && state <= 7 && state !== STOPPED && state !== STOP_PENDING;
}

/** Reads wazuh-agentd.state (wazuh-agent.state on Windows): lines of `name='value'` between comments. */
export function parseAgentState(text: string): AgentState {
  const value = (name: string) => new RegExp(`^${name}='([^'\\r\\n]{0,40})'\\s*$`, 'm').exec(text)?.[1];
  const time = (name: string) => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.exec(value(name) ?? '')?.[0];
  const lastAck = time('last_ack');
  const lastKeepalive = time('last_keepalive');
  return {
    status: statusOf(value('status')),
    ...(lastAck === undefined ? {} : { lastAck }),
    ...(lastKeepalive === undefined ? {} : { lastKeepalive }),
  };
}

function statusOf(word: string | undefined): AgentStatus {
  return word === 'connected' || word === 'pending' || word === 'disconnected' ? word : 'unknown';
}
