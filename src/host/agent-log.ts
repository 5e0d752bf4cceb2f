import { posix, win32 } from 'node:path';
import type { FileEdge } from '../files/file-edge.js';
import { readTail } from '../files/read.js';
import type { AgentInstallation } from '../model/host.js';
import { type LogLine, parseLog } from './log-lines.js';

/** So much of the end of a log is looked at, in bytes. */
export const LOG_TAIL = 64 * 1024;

/** Where the agent writes its log: `logs/ossec.log` in its home, on Windows in the home itself. */
export function agentLogFile({ home, platform }: AgentInstallation): string {
  return platform === 'windows' ? win32.join(home, 'ossec.log') : posix.join(home, 'logs/ossec.log');
}

/**
 * The last lines of the agent's own log. `undefined`: there is none.
 * @throws EnrollError `FILE_UNREADABLE`
 */
export async function readAgentLog(agent: AgentInstallation, disk: FileEdge): Promise<readonly LogLine[] | undefined> {
  const tail = await readTail(agentLogFile(agent), LOG_TAIL, disk);
  if (tail === undefined) return undefined;
  const text = tail.bytes.toString('utf8');
  // The first line of a part is the end of one.
  return parseLog(tail.whole ? text : text.slice(text.indexOf('\n') + 1));
}
