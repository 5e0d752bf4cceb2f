import type { AgentInstallation } from '../model/host.js';
import type { FileEdge } from './file-edge.js';
import type { FileFacts } from './files.js';

/** Numeric owner of a file (Unix). */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How a new file or directory may be used. */
export interface Access {
  readonly platform: 'unix' | 'windows';
  /** Permission bits (Unix). */
  readonly mode: number;
  /** Absent: whoever runs this. */
  readonly owner?: Owner;
  /** Whether, on Windows, it is for Administrators and SYSTEM alone; else it inherits from its directory. */
  readonly secret: boolean;
}

/** Who a file belongs to: `agent` is the account that the daemon runs as. */
type Who = 'root' | 'agent';

interface Row {
  readonly mode: number;
  readonly user: Who;
  readonly group: Who;
  /** The most that a file which is found may allow; what goes beyond it is told, and set right. */
  readonly widest: number;
  readonly secret: boolean;
}

/**
 * How the files and directories of an agent may be used, by what they are, and never by what lay in their place before.
 * As the packages install them (Wazuh 4.x; OSSEC the same with its own account); what this program keeps for itself is
 * root's alone.
 */
const ROWS = {
  'client.keys': { mode: 0o640, user: 'root', group: 'agent', widest: 0o640, secret: true },
  'ossec.conf': { mode: 0o660, user: 'root', group: 'agent', widest: 0o664, secret: false },
  // A key that was set aside: nobody uses it any more.
  'retired key': { mode: 0o600, user: 'root', group: 'root', widest: 0o600, secret: true },
  // The daemon writes it, with its own umask.
  sender_counter: { mode: 0o640, user: 'agent', group: 'agent', widest: 0o664, secret: false },
  // What a Wazuh 5 has beside its key. The daemon replaces the first two, with its own umask.
  'reenroll.secret': { mode: 0o640, user: 'agent', group: 'agent', widest: 0o640, secret: true },
  'root-ca.pem': { mode: 0o640, user: 'agent', group: 'agent', widest: 0o664, secret: false },
  '.anchor-committed': { mode: 0o640, user: 'root', group: 'agent', widest: 0o664, secret: false },
  'certs directory': { mode: 0o1770, user: 'root', group: 'agent', widest: 0o1770, secret: false },
  // The installer puts it there, to be used once.
  'enrollment token': { mode: 0o600, user: 'root', group: 'root', widest: 0o600, secret: true },
  notes: { mode: 0o600, user: 'root', group: 'root', widest: 0o600, secret: true },
  'notes directory': { mode: 0o700, user: 'root', group: 'root', widest: 0o700, secret: true },
  'agent directory': { mode: 0o750, user: 'root', group: 'agent', widest: 0o775, secret: false },
  'counter directory': { mode: 0o770, user: 'agent', group: 'agent', widest: 0o775, secret: false },
} as const satisfies Record<string, Row>;

/** What a file or directory is. */
export type FileRole = keyof typeof ROWS;

/**
 * How a new file of this role may be used. Only root can give a file away; anybody else's files are their own.
 *
 * @param near whose group is taken for the agent's where no account of it is known: a file of root's that is replaced,
 * or the directory
 */
export function accessOf(
  role: FileRole,
  { platform, account }: Pick<AgentInstallation, 'platform' | 'account'>,
  near: FileFacts,
  { uid }: Pick<FileEdge, 'uid'>,
): Access {
  const { mode, user, group, secret } = ROWS[role];
  if (uid !== 0) return { platform, mode, secret };
  const owner = {
    uid: user === 'root' ? 0 : (account?.uid ?? near.uid),
    gid: group === 'root' ? 0 : (account?.gid ?? near.gid),
  };
  return { platform, mode, secret, owner };
}

/** Whether a file that was found may be used in more ways than one of its role should be. */
export function isTooWide(role: FileRole, { mode }: FileFacts, platform: Access['platform']): boolean {
  return platform === 'unix' && (mode & 0o7777 & ~ROWS[role].widest) !== 0;
}

/** A mode as people write it: `0640`. */
export function formatMode(mode: number): string {
  return `0${mode.toString(8).padStart(3, '0')}`;
}

/** Whether a file that is there may be used exactly as a new one would be. */
export function isAsWanted(facts: FileFacts, { platform, mode, owner }: Access): boolean {
  if (platform === 'windows') return true;
  if (facts.mode !== mode) return false;
  return owner === undefined || (facts.uid === owner.uid && facts.gid === owner.gid);
}
