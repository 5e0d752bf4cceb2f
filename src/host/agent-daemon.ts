import { posix, win32 } from 'node:path';
import type { AgentInstallation } from '../model/host.js';
import type { SystemEdge } from './system.js';

/** What an agent daemon says of its link to the manager. */
export type AgentStatus = 'connected' | 'pending' | 'disconnected' | 'unknown';

/** An agent's own state file. The times are the daemon's words: local time, without a zone. */
export interface AgentState {
  readonly status: AgentStatus;
  /** When the manager last acknowledged anything; absent: never (Wazuh 5 does not say). */
  readonly lastAck?: string;
  readonly lastKeepalive?: string;
}

/** An agent daemon that runs with a home. */
export interface AgentDaemon extends AgentState {
  /** `wazuh-agentd`, `ossec-agentd`; the service's name on Windows. */
  readonly name: string;
  /** Absent on Windows. */
  readonly pid?: number;
}

/** The agent daemon that runs with this home; `undefined`: none does. OSSEC's keeps no state file: `unknown`. */
export function agentDaemon(
  agent: AgentInstallation,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<AgentDaemon | undefined> {
  return agent.platform === 'windows' ? windowsDaemon(agent, system, signal) : unixDaemon(agent, system, signal);
}

async function unixDaemon(agent: AgentInstallation, system: SystemEdge, signal: AbortSignal) {
  const directory = posix.join(agent.home, 'var/run');
  for (const file of await system.list(directory)) {
    const [, name = '', digits = ''] = /^((?:wazuh|ossec)-agentd)-(\d{1,10})\.pid$/.exec(file) ?? [];
    const pid = Number(digits);
    if (name === '' || !(await isProcess(pid, name, system, signal))) continue;
    const state = parseAgentState((await system.readText(posix.join(directory, `${name}.state`))) ?? '');
    return { name, pid, ...state };
  }
  return undefined;
}

// A pid file outlives a killed daemon, and its number may be another process by now.
async function isProcess(pid: number, name: string, system: SystemEdge, signal: AbortSignal): Promise<boolean> {
  const command = await system.readText(`/proc/${pid}/comm`);
  if (command !== undefined) return command.trim() === name;
  if (await system.exists('/proc/self')) return false;
  const printed = (await system.run('/bin/ps', ['-p', String(pid), '-o', 'comm='], signal)) ?? '';
  return posix.basename(printed.trim()) === name;
}

async function windowsDaemon(agent: AgentInstallation, system: SystemEdge, signal: AbortSignal) {
  const { systemRoot = 'C:\\Windows' } = system.directories;
  const sc = win32.join(systemRoot, 'System32\\sc.exe');
  // Wazuh since 4.2, and what it was called before.
  for (const name of ['WazuhSvc', 'OssecSvc']) {
    if (!isServiceRunning((await system.run(sc, ['query', name], signal)) ?? '')) continue;
    const configuration = (await system.run(sc, ['qc', name], signal)) ?? '';
    if (!configuration.toLowerCase().includes(`${agent.home.toLowerCase()}\\`)) continue;
    for (const file of ['wazuh-agent.state', 'ossec-agent.state']) {
      const text = await system.readText(win32.join(agent.home, file));
      if (text !== undefined) return { name, ...parseAgentState(text) };
    }
    return { name, status: 'unknown' } as const;
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
