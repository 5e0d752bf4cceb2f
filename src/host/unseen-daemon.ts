import { posix } from 'node:path';
import type { AgentInstallation } from '../model/host.js';
import type { SystemEdge } from './system.js';

/**
 * Why an agent daemon may run with this home although none is to be seen, as a part of a sentence; `undefined`: nothing
 * speaks for it. Looked for is what hides it from a user that is not root: a directory with the daemon's process number
 * that is closed to others (Wazuh's has mode 0770), and processes that are hidden (`hidepid` of proc(5)). On Windows
 * everybody may ask for a service.
 */
export async function unseenDaemon(
  { home, platform }: Pick<AgentInstallation, 'home' | 'platform'>,
  system: SystemEdge,
): Promise<string | undefined> {
  if (platform === 'windows') return undefined;
  const directory = posix.join(home, 'var/run');
  // Of a name in a directory that may be searched it can be told at least that it is not there.
  const inside = await system.look(posix.join(directory, 'wazuh-agentd.state'));
  if (inside === 'unknown') return `${directory} may not be looked into`;
  const numbers = (await system.list(directory)).flatMap((file) => PID_FILE.exec(file)?.[1] ?? []);
  if (numbers.length === 0 || !(await system.exists('/proc/self'))) return undefined;
  // The first process of a system, or of a container, is always there.
  if (!(await system.exists('/proc/1'))) return 'the processes of other users are hidden';
  for (const number of numbers) {
    const place = `/proc/${number}`;
    const isThere = await system.exists(place);
    if (isThere && (await system.readText(`${place}/comm`)) === undefined) return `process ${number} is hidden`;
  }
  return undefined;
}

const PID_FILE = /^(?:wazuh|ossec)-agentd-(\d{1,10})\.pid$/;
