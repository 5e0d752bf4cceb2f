import type { ServiceAccount } from '../model/host.js';
import type { InstalledAgent } from './agent-version.js';
import type { SystemEdge } from './system.js';

/**
 * The account that the installed agent runs as: `wazuh` since Wazuh 4.3, `ossec` before it and for OSSEC; where the
 * expected one is missing, the other. `undefined`: this system has neither (in /etc/passwd and /etc/group).
 */
export async function agentAccount(installed: InstalledAgent, system: SystemEdge): Promise<ServiceAccount | undefined> {
  const users = (await system.readText('/etc/passwd')) ?? '';
  const groups = (await system.readText('/etc/group')) ?? '';
  const names = runsAsWazuh(installed) ? ['wazuh', 'ossec'] : ['ossec', 'wazuh'];
  for (const name of names) {
    const account = accountIn(users, groups, name);
    if (account !== undefined) return account;
  }
  return undefined;
}

function runsAsWazuh({ flavor, version }: InstalledAgent): boolean {
  if (flavor === 'ossec') return false;
  const [major = 0, minor = 0] = (version ?? 'v5.0.0').slice(1).split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 3);
}

/** The account of one name, from the texts of /etc/passwd and /etc/group. */
export function accountIn(users: string, groups: string, name: string): ServiceAccount | undefined {
  const uid = numberOf(users, name);
  const gid = numberOf(groups, name);
  return uid === undefined || gid === undefined ? undefined : { user: name, group: name, uid, gid };
}

// Both files: name:password:number:…
function numberOf(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [entry, , number = ''] = line.split(':');
    if (entry === name && /^\d{1,10}$/.test(number)) return Number(number);
  }
  return undefined;
}
