import type { AgentRecord } from '../../model/agent-record.js';
import { type Endpoint, endpointKey, type ManagerFamily } from '../../model/endpoint.js';
import type { JsonObject } from '../../model/json.js';
import type { MachineBinding } from '../../model/machine-binding.js';

/**
 * What this program remembers on a host: whom it trusts, which machine the key belongs to, what a manager acknowledged
 * and how, and a request whose end is not known. It holds no secret.
 *
 * `other`, here and in its parts, is what another version of this program noted; it is kept as it is.
 */
export interface Notes {
  /** By {@link endpointKey} of the enrollment service. */
  readonly managers: ReadonlyMap<string, KnownManager>;
  /** The agent, as `id name`, whose key a manager has acknowledged; absent: none has been seen to. */
  readonly acknowledged?: string;
  /** How the key of `acknowledged` was proven, by {@link endpointKey} of the agent port. */
  readonly links: ReadonlyMap<string, WorkingLink>;
  /** Absent: the key is not bound to a machine. */
  readonly binding?: KeyBinding;
  /** What the key that lies on the disk was asked for with; absent: this program has not asked for it. */
  readonly asked?: AskedFor;
  /** An agent daemon that was seen to run with the key that lies on the disk; absent: none was. */
  readonly daemon?: KnownDaemon;
  /** Absent: every request came to an end that is known. */
  readonly request?: BegunRequest;
  readonly other: JsonObject;
}

/** What an earlier run saw of a manager, for trust by first use. */
export interface KnownManager {
  /** `sha256:` and 64 lower-case hex digits of the public key (SPKI) of its certificate. */
  readonly fingerprint: string;
  /** When, as ISO 8601 in UTC. */
  readonly firstSeen: string;
  /** Present: only a file that others than root can change has led to it, so that this note vouches for nothing. */
  readonly hearsay?: true;
  readonly other: JsonObject;
}

/** What a manager answered to. */
export type WorkingLink = WorkingMessages | WorkingHttps;

/** The message protocol (OSSEC, Wazuh 3 and 4). */
export interface WorkingMessages {
  readonly protocol: 'tcp' | 'udp';
  readonly cipher: 'aes' | 'blowfish';
  readonly family?: ManagerFamily;
}

/** Signed requests (Wazuh 5), at another port of the same host. */
export interface WorkingHttps {
  readonly protocol: 'https';
  readonly port: number;
  readonly prefix: string;
}

/** On which machine a key was enrolled. */
export interface KeyBinding extends MachineBinding {
  /** The agent's id, as in its record. */
  readonly agentId: string;
  /** Which of the keys that an agent of this id can have: 64 hex digits, made of its hash with the salt. */
  readonly key: string;
  /** Names that this machine found on copied keys: other machines go by them. */
  readonly othersNames: readonly string[];
  readonly other: JsonObject;
}

/** What a manager was asked to make of this host. */
export interface AskedFor {
  /** What came of it, as `id name`. */
  readonly agent: string;
  readonly name: string;
  /** `any`, `source`, or an address. */
  readonly ip: string;
  readonly groups: readonly string[];
}

/** Which daemon runs with which content of client.keys. It reads the file when it starts, so this holds until either changes. */
export interface KnownDaemon {
  /** What tells this process from every other. */
  readonly instance: string;
  /** What tells this content of client.keys from others. */
  readonly keys: string;
}

/**
 * A request to a manager that was begun and, as far as this host knows, not ended: the manager may have registered an
 * agent whose key nobody has.
 */
export interface BegunRequest {
  readonly name: string;
  /** `host:port` of the enrollment service. */
  readonly manager: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

/** Whether an earlier run has seen this very enrollment service, and somebody whose word counts had named it. */
export function isVouchedFor({ managers }: Notes, endpoint: Endpoint): boolean {
  const known = managers.get(endpointKey(endpoint));
  return known !== undefined && known.hearsay !== true;
}

/** How a key was proven before, by {@link endpointKey} of the agent port; nothing, where that was another key. */
export function linksOf(
  { acknowledged, links }: Notes,
  { id, name }: Pick<AgentRecord, 'id' | 'name'>,
): Notes['links'] {
  return acknowledged === `${id} ${name}` ? links : new Map();
}

/** What is known on a host where this program has not run before. */
export const NOTHING_KNOWN: Notes = { managers: new Map(), links: new Map(), other: {} };
