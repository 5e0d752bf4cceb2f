import { EnrollError } from '../../errors.js';
import type { AgentDaemon } from '../../host/agent-daemon.js';
import { agentLogFile, readAgentLog } from '../../host/agent-log.js';
import { type LogLine, type LogWord, logWord, meaningOf } from '../../host/log-lines.js';
import type { AgentInstallation } from '../../model/host.js';
import { printable } from '../../model/printable.js';
import type { JourneyEdge } from '../journey-edge.js';
import { type Finding, right, untold, wrong } from './finding.js';

/** What is known of the daemon; `error`: why its word does not prove this key. */
export interface DaemonLook {
  /** `undefined`: none runs with this home. */
  readonly daemon: AgentDaemon | undefined;
  readonly error?: EnrollError;
}

/** What the end of the agent's log says; `undefined` of a word: there is no log. */
export type LogLook = { readonly word: LogWord | undefined } | { readonly error: EnrollError };

/** Reads the end of the agent's log. */
export async function lookAtLog(agent: AgentInstallation, { disk }: JourneyEdge): Promise<LogLook> {
  try {
    const lines = await readAgentLog(agent, disk);
    return { word: lines === undefined ? undefined : logWord(lines) };
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    return { error: thrown };
  }
}

/** Whether the agent itself runs, and is connected with this key. */
export function daemon(agent: AgentInstallation, { daemon: running, error }: DaemonLook, log: LogLook): Finding {
  if (running === undefined) {
    if (agent.flavor === undefined) return untold('daemon', `No agent is found in ${printable(agent.home)}.`);
    const what = agent.version === undefined ? 'An agent' : `An agent (${agent.version})`;
    return wrong(
      'daemon',
      `${what} is installed, and its daemon does not run.${lastWords(log)}`,
      `Start the agent: ${startOf(agent)}.`,
    );
  }
  if (error !== undefined) {
    return { id: 'daemon', ok: false, detail: `${error.message}${lastWords(log)}`, hint: error.hint, error };
  }
  const ack = running.lastAck === undefined ? '' : `; the manager last answered it at ${running.lastAck}`;
  return right('daemon', `${running.name} runs and says that it is ${running.status}${ack}.`);
}

function startOf({ platform, flavor, home }: AgentInstallation): string {
  if (platform === 'windows') return flavor === 'wazuh' ? 'net start WazuhSvc' : 'net start OssecSvc';
  return flavor === 'wazuh' ? 'systemctl start wazuh-agent' : `${printable(home)}/bin/ossec-control start`;
}

/** What the log says about it, where it has something to say. */
function lastWords(log: LogLook): string {
  const last = 'word' in log ? log.word?.troubles.at(-1) : undefined;
  return last === undefined ? '' : ` Its log, ${last.time}: ${inWords(last)}.`;
}

function inWords(line: LogLine): string {
  const meaning = meaningOf(line);
  const said = line.text.replace(/\.+$/, '');
  return meaning === undefined ? `"${said}"` : `${meaning.what} ("${said}")`;
}

const UNKNOWN_KEY = 'it connects and is not answered, again and again, as to a manager that does not take its key';

/**
 * The last troubles in the agent's log, in words.
 * @param connected whether the agent is connected: then they are over
 */
export function agentLog(agent: AgentInstallation, log: LogLook, { daemon: running, error }: DaemonLook): Finding {
  const path = printable(agentLogFile(agent));
  if ('error' in log) return untold('agent-log', log.error.message);
  if (log.word === undefined) return untold('agent-log', `There is no ${path}.`);
  const { connectedAt, troubles, refusedConnections } = log.word;
  const since = connectedAt === undefined ? '' : ` since it was connected at ${connectedAt}`;
  const told = troubles.map((line) => `${line.time}: ${inWords(line)}`);
  if (troubles.length === 0 && refusedConnections !== undefined) told.push(UNKNOWN_KEY);
  if (told.length === 0) return right('agent-log', `${path} tells of no trouble${since}.`);
  const detail = `${path}${since}: ${told.join('; ')}.`;
  if (running !== undefined && error === undefined) return untold('agent-log', `${detail} The agent is connected now.`);
  // Of an agent that does not run nobody knows whether it would say that again.
  if (running === undefined && agent.flavor === undefined) return untold('agent-log', detail);
  const hint = troubles.map(meaningOf).findLast((meaning) => meaning !== undefined)?.hint;
  return wrong('agent-log', detail, hint ?? `Look into ${path} for what was before.`);
}
