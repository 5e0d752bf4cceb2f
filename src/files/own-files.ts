import { dirname, join, relative } from 'node:path';
import type { AgentInstallation } from '../model/host.js';

/**
 * Where this program keeps what concerns its own runs, the lock and the journal: in the agent's home, or beside a key
 * that lies elsewhere. Not beside every key, since the directory of a first key may not be there yet.
 */
export function ownFile({ home, keysFile }: Pick<AgentInstallation, 'home' | 'keysFile'>, name: string): string {
  const inside = !relative(home, keysFile).startsWith('..');
  return join(inside ? home : dirname(keysFile), `.agent-enroll.${name}`);
}
