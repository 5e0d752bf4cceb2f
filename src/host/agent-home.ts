import { posix, win32 } from 'node:path';
import { EnrollError } from '../errors.js';
import type { AgentInstallation } from '../model/host.js';
import { printable } from '../model/printable.js';
import { agentAccount } from './agent-account.js';
import { type InstalledAgent, installedOnUnix, installedOnWindows, parseInit } from './agent-version.js';
import type { SystemEdge } from './system.js';

/** Where the user says that the agent is. */
export interface AgentPlace {
  readonly home?: string | undefined;
  readonly keysFile?: string | undefined;
}

/**
 * Finds the agent's files and what is installed there. Nothing needs to be installed: the files are then where an
 * agent would have them. Nothing that is found is executed.
 */
export function findAgent(place: AgentPlace, system: SystemEdge): Promise<AgentInstallation> {
  return system.platform === 'windows' ? findOnWindows(place, system) : findOnUnix(place, system);
}

/** What an installer may have left in an agent home of Wazuh 5 for the first enrollment. */
export interface InstallersFiles {
  /** The enrollment token, to be used once. */
  readonly token: string;
  /** The CA, to be installed. */
  readonly anchor: string;
}

/** Where an installer puts such files; none of them need be there. */
export function installersFiles({ home, platform }: Pick<AgentInstallation, 'home' | 'platform'>): InstallersFiles {
  const { join } = home.startsWith('/') ? posix : win32;
  const token = platform === 'windows' ? 'enrollment_token' : 'etc/enrollment_token';
  return { token: join(home, token), anchor: join(home, 'var', 'incoming', 'root-ca.pem') };
}

async function findOnUnix(place: AgentPlace, system: SystemEdge): Promise<AgentInstallation> {
  const home = place.home === undefined ? await unixHome(system) : withoutEnd(place.home, /(?<=.)\/+$/);
  const installed = await installedOnUnix(home, system);
  const account = await agentAccount(installed, system);
  return {
    platform: 'unix',
    home,
    keysFile: place.keysFile ?? posix.join(home, 'etc/client.keys'),
    counterFile: posix.join(home, 'queue/rids/sender_counter'),
    configFile: posix.join(home, 'etc/ossec.conf'),
    passwordFile: posix.join(home, 'etc/authd.pass'),
    ...installed,
    ...(account === undefined ? {} : { account }),
  };
}

// OSSEC and Wazuh before 4.2 wrote down where they were installed. The file may outlive what it speaks of.
async function unixHome(system: SystemEdge): Promise<string> {
  const { directory } = parseInit((await system.readText('/etc/ossec-init.conf')) ?? '');
  if (directory?.startsWith('/') && (await system.exists(posix.join(directory, 'bin')))) {
    return withoutEnd(directory, /(?<=.)\/+$/);
  }
  return '/var/ossec';
}

async function findOnWindows(place: AgentPlace, system: SystemEdge): Promise<AgentInstallation> {
  const home = place.home === undefined ? await windowsHome(system) : withoutEnd(place.home, /(?<=[^:])[\\/]+$/);
  const installed: InstalledAgent = await installedOnWindows(home, system);
  return {
    platform: 'windows',
    home,
    keysFile: place.keysFile ?? win32.join(home, 'client.keys'),
    counterFile: win32.join(home, 'rids\\sender_counter'),
    configFile: win32.join(home, 'ossec.conf'),
    passwordFile: win32.join(home, 'authd.pass'),
    ...installed,
  };
}

// The agent is a 32-bit program: on 64-bit Windows it is in the directory for those.
async function windowsHome(system: SystemEdge): Promise<string> {
  const { programFilesX86, programFiles } = system.directories;
  const homes = [programFilesX86, programFiles]
    .filter((directory) => directory !== undefined)
    .map((directory) => win32.join(directory, 'ossec-agent'));
  for (const home of homes) if (await system.exists(home)) return home;
  return homes[0] ?? 'C:\\Program Files (x86)\\ossec-agent';
}

function withoutEnd(path: string, end: RegExp): string {
  return path.replace(end, '');
}

const MANAGER_PROGRAMS = [
  'bin/wazuh-remoted',
  'bin/ossec-remoted',
  'bin/wazuh-manager-remoted',
  'bin/wazuh-authd',
  'bin/ossec-authd',
  'bin/wazuh-manager-authd',
];

/** Whether a home is that of a manager, whose client.keys is the list of all its agents. */
export async function isManagerHome(home: string, system: SystemEdge): Promise<boolean> {
  if (system.platform === 'windows') return false;
  for (const program of MANAGER_PROGRAMS) if (await system.exists(posix.join(home, program))) return true;
  return false;
}

/**
 * Makes sure that client.keys may be replaced.
 *
 * @throws EnrollError `MANAGER_HOME` where it lies in the home of a manager: it holds the keys of all agents there
 */
export async function refuseManagerHome(agent: AgentInstallation, system: SystemEdge): Promise<void> {
  if (agent.platform === 'windows') return;
  // A key file that was named apart may still be that of a manager: <home>/etc/client.keys.
  const homeOfKeys = posix.dirname(posix.dirname(posix.resolve('/', agent.keysFile)));
  for (const home of new Set([agent.home, homeOfKeys])) {
    if (!(await isManagerHome(home, system))) continue;
    throw new EnrollError(
      'MANAGER_HOME',
      `${printable(home)} is the home of a manager: ${printable(agent.keysFile)} holds the keys of its agents.`,
    );
  }
}
