import { EnrollError } from '../../errors.js';
import { formatMode } from '../../files/access.js';
import { type KeysAccess, type PresentFile, readInstalled } from '../../keystore/installed.js';
import type { AgentInstallation } from '../../model/host.js';
import { printable } from '../../model/printable.js';
import type { JourneyEdge } from '../journey-edge.js';
import { broken, type Finding, right, untold, wrong } from './finding.js';

/** The key that is on this host, or why there is none to be used. */
export interface KeyLook {
  readonly file?: PresentFile;
  readonly finding: Finding;
}

/** Looks whether client.keys is there and holds a record that an agent would use. */
export async function lookAtKey(agent: AgentInstallation, { disk }: JourneyEdge): Promise<KeyLook> {
  const { keysFile } = agent;
  try {
    const file = await readInstalled(agent, disk);
    if (file === undefined) {
      return { finding: broken('key-file', new EnrollError('KEY_MISSING', `There is no key in ${keysFile}.`)) };
    }
    const { id, name, ip } = file.record;
    return { file, finding: right('key-file', `${printable(keysFile)}: agent ${id} ${name}, address ${ip}.`) };
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    // What may not be read may be as it should be.
    return {
      finding:
        thrown.code === 'FILE_UNREADABLE' ? untold('key-file', thrown.message, thrown) : broken('key-file', thrown),
    };
  }
}

/**
 * Whether the agent can read its key, and nobody else (packages of Wazuh 4.x: 0640 root:wazuh). A daemon that enrolled by
 * itself has written the file as its own user.
 *
 * @param access `undefined`: there is no file, or it may not be looked at
 */
export function keyAccess(agent: AgentInstallation, access: KeysAccess | undefined): Finding {
  const { keysFile, platform, account } = agent;
  const path = printable(keysFile);
  if (platform === 'windows') return untold('key-access', 'Access lists are not looked at here.');
  if (access === undefined) return untold('key-access', `${path} cannot be looked at.`);
  const { uid, gid, mode, tooWide } = access;
  const shown = `${path} has mode ${formatMode(mode)} and belongs to user ${uid}, group ${gid}`;
  const wanted = account === undefined ? 'root' : `root:${account.group}`;
  const remedy = `chown ${wanted} ${path}; chmod 640 ${path}`;
  if (account !== undefined && !mayRead(access, account)) {
    return wrong(
      'key-access',
      `${shown}: the agent, which runs as ${account.user}, cannot read it.`,
      `As root: ${remedy}`,
    );
  }
  if (tooWide) {
    return wrong(
      'key-access',
      `${shown}: others than root and the agent can read or change this key.`,
      `As root: ${remedy} (agent-enroll does it too). If others may have read it, get a new key with agent-enroll --force.`,
    );
  }
  if (uid !== 0 && account !== undefined && uid !== account.uid) {
    return wrong('key-access', `${shown}, and should be root's or the agent's.`, `As root: ${remedy}`);
  }
  const readable = account === undefined ? '' : `; the agent (${account.user}) can read it`;
  return right('key-access', `${shown}${readable}.`);
}

function mayRead({ uid, gid, mode }: KeysAccess, account: { readonly uid: number; readonly gid: number }): boolean {
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & 0o4) !== 0;
}
