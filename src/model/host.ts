import type { RegisterIp } from './register-address.js';

/** Which agent is installed in an agent home. */
export type AgentFlavor = 'wazuh' | 'ossec';

/** Numeric owner of the files that the agent daemon uses (Unix). */
export interface ServiceAccount {
  readonly user: string;
  readonly group: string;
  /** The user of the daemon: owner of its message counters. */
  readonly uid: number;
  /** Its group: may read client.keys. */
  readonly gid: number;
}

/** Where an agent's files lie, and what is known about the agent that is installed there. */
export interface AgentInstallation {
  readonly platform: 'unix' | 'windows';
  /** `/var/ossec`, `C:\Program Files (x86)\ossec-agent`, or what the user named. */
  readonly home: string;
  readonly keysFile: string;
  /** `queue/rids/sender_counter` (Windows: `rids\sender_counter`). */
  readonly counterFile: string;
  readonly configFile: string;
  readonly passwordFile: string;
  /** What is installed there; absent: no agent was found. */
  readonly flavor?: AgentFlavor;
  /** The installed agent's version with its `v`, such as `v4.14.7`; absent where it cannot be read. */
  readonly version?: string;
  /** Absent on Windows, and where the system has neither account. */
  readonly account?: ServiceAccount;
}

/** The name that this host enrolls with. */
export interface HostName {
  readonly name: string;
  /** The host's own name, where it had to be changed to be valid for a manager. */
  readonly changedFrom?: string;
  /** Present: it is the name in the key that this host had, and not the host's own. */
  readonly ofKey?: true;
}

/** The address to register, and why, in words: "10.0.0.5: the manager is on the same network". */
export interface HostAddress {
  /** The address by which this host reaches the manager; absent where it was not looked up. */
  readonly local?: string;
  readonly register: RegisterIp;
  readonly why: string;
}

/** What the journey knows about this host once it is identified. */
export interface Host {
  readonly name: HostName;
  readonly address: HostAddress;
  readonly agent: AgentInstallation;
}
