import type { Protocol } from '../link/message/transport.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Endpoint } from '../model/endpoint.js';
import type { Secret } from '../model/secret.js';
import type { AgentView, DuplicateRules } from './agent-table.js';
import type { SandboxApi, SandboxApiOptions } from './api/start.js';
import type { TlsVersions } from './authd.js';
import type { SandboxFamily } from './authd-protocol.js';
import type { Oddity } from './oddities.js';
import type { IssuedCertificate } from './own-certificate.js';
import type { SandboxEvent } from './sandbox-events.js';

/** What the sandbox is to be. Everything but the family has the default of a stock manager. */
export interface SandboxOptions {
  readonly family: SandboxFamily;
  /** Loopback only. */
  readonly host?: '127.0.0.1' | '::1';
  /** 0 or absent: chosen by the system. `agent` is TCP and UDP on one number. */
  readonly ports?: { readonly authd?: number; readonly agent?: number; readonly api?: number };
  /** `closed`: its port is closed until `startAuthd()`. */
  readonly authd?: 'running' | 'closed';
  /** `closed`: its port is closed until `startRemoted()`. */
  readonly remoted?: 'running' | 'closed';
  /** Without it a request with a password is refused, as real managers do. */
  readonly password?: Secret<string | Uint8Array>;
  /**
   * How long remoted takes to learn of a new key, in ms. Absent: as measured, 10 s between two looks (Wazuh), or 1 s of
   * sleep after an unknown agent sent something (OSSEC).
   */
  readonly keyReloadMs?: number;
  readonly force?: DuplicateRules;
  /** Groups that exist beside `default`. */
  readonly groups?: readonly string[];
  readonly useSourceIp?: boolean;
  /** PEM of the CA whose certificates clients must show. */
  readonly clientCa?: string;
  /** Another certificate than the stock ones, for authd and the API: those are self-signed and name no host, or localhost. */
  readonly certificate?: IssuedCertificate;
  /** The REST API of a Wazuh manager. */
  readonly api?: SandboxApiOptions;
  /** Whether counters are checked (`verify_msg_id`): off on Wazuh, on with OSSEC. */
  readonly verifyMsgId?: boolean;
  /** The manager's version with its `v`: what agents' versions are compared with. An OSSEC before v4 knows Blowfish only. */
  readonly version?: string;
  readonly allowHigherVersions?: boolean;
  /** The manager's own host name, which no agent may have. */
  readonly hostName?: string;
  /** True: every valid request ends in "Internal manager error". */
  readonly keysUnwritable?: boolean;
  /**
   * authd dies over a request that it has read: the connection ends without an answer, `before` or `after` the agent was
   * registered. It does so over the first `times` requests, or over every one. Its port stays open.
   */
  readonly authdDies?: { readonly when: 'before' | 'after'; readonly times?: number };
  /** None unless asked for. */
  readonly oddities?: readonly Oddity[];
  /**
   * Which of the TCP connections to remoted it loses, counted from 1 over the life of the sandbox. Absent: every 20th
   * with the oddity `stalled-connection`, and none without.
   */
  readonly stalledConnections?: readonly number[];
  /** With the oddity `empty-keys-exit`: how long after the first key remoted is started again, in ms. Absent: only by `restartRemoted()`. */
  readonly remotedRestartMs?: number;
  /**
   * How many TCP connections authd and remoted each have at a time; they reset what comes beyond. Absent: 256, and what
   * comes beyond is closed.
   */
  readonly servesAtOnce?: number;
  /** Both on Wazuh; OSSEC knows UDP only. */
  readonly protocols?: readonly Protocol[];
  readonly tls?: Partial<TlsVersions>;
  /** The time of registrations, states, client.keys and the log. */
  readonly clock?: () => Date;
  /** Is told everything, as it happens. What it throws is not caught. */
  readonly onEvent?: (event: SandboxEvent) => void;
}

/** An agent that is added by hand, as `manage_agents` does. */
export interface NewAgent {
  readonly name: string;
  /** `any` if absent; also one that the agent will not have. */
  readonly ip?: string;
  /** The next free one if absent. */
  readonly id?: string;
  /** A new one if absent. */
  readonly key?: Secret;
}

/** A manager that runs on loopback until it is closed. */
export interface Sandbox {
  readonly family: SandboxFamily;
  /** Also of services that are down. `api` is absent with OSSEC, which has none. */
  readonly endpoints: { readonly authd: Endpoint; readonly agent: Endpoint; readonly api?: Endpoint };
  /** authd's, PEM. */
  readonly certificate: string;
  /** Of authd's certificate: `sha256:` and 64 hex digits of its public key (SPKI). */
  readonly fingerprint: string;
  /** Absent with OSSEC. */
  readonly api?: SandboxApi;
  agents(): readonly AgentView[];
  /**
   * Adds an agent to client.keys; remoted knows of it with its next reading of the keys.
   *
   * @throws EnrollError with `SETTING_INVALID` if another one has its name, address or id, or if one of these is none
   */
  addAgent(agent: NewAgent): AgentRecord;
  /**
   * False: there is no agent with this id. Remoted serves it until its next reading of the keys, which on OSSEC comes
   * when an unknown agent sends something, or with a restart.
   */
  removeAgent(id: string): boolean;
  /** As `touch client.keys` at a later second: ends a missed second. */
  touchKeys(): void;
  /** What remoted wrote to the manager's ossec.log against messages, in its own form: the newest 20,000 lines. */
  log(): readonly string[];
  /** Resolves once the port is open. Like the others below: nothing happens where it is so already. @throws EnrollError if it cannot be had */
  startAuthd(): Promise<void>;
  /** Resolves once the port is closed and the connections are gone. */
  stopAuthd(): Promise<void>;
  /** Resolves once the port is open and client.keys is read, or remoted has ended over it. @throws EnrollError if the port cannot be had */
  startRemoted(): Promise<void>;
  /** Resolves once the port is closed and the connections are gone. The counters of the agents are kept. */
  stopRemoted(): Promise<void>;
  /** {@link stopRemoted}, then {@link startRemoted}. */
  restartRemoted(): Promise<void>;
  /** Leaves no socket and no timer. May be called more than once; nothing can be started afterwards. */
  close(): Promise<void>;
}
