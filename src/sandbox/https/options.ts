import type { AgentRecord } from '../../model/agent-record.js';
import type { Endpoint } from '../../model/endpoint.js';
import type { Secret } from '../../model/secret.js';
import type { AgentView, DuplicateRules } from '../agent-table.js';
import type { HttpsOddity } from '../oddities.js';
import type { SandboxEvent } from '../sandbox-events.js';
import type { NewAgent } from '../sandbox-options.js';
import type { HttpsCertificates } from './certificates.js';
import type { TokenTerms } from './enrollment-tokens.js';
import type { EnrollmentMode, Generation } from './exchange.js';
import type { PlannedFault } from './faults.js';

/** What a Wazuh 5 sandbox is to be. Everything has the default of a stock manager. */
export interface HttpsSandboxOptions {
  /** Loopback only. */
  readonly host?: '127.0.0.1' | '::1';
  /** 0 or absent: chosen by the system. The last two are the legacy ports. */
  readonly ports?: { readonly https?: number; readonly authd?: number; readonly agent?: number };
  /** What stands before its paths, `wazuh-manager` unless given; empty: nothing. */
  readonly prefix?: string;
  /** `closed`: its port is closed until `startRemoted()`. */
  readonly remoted?: 'running' | 'closed';
  /** True: the ports of 4.x agents are open too, over the same list of agents: authd in TLS 1.3, and remoted's messages. */
  readonly legacy?: boolean;
  /** What an enrollment must bring; `credential` unless given. */
  readonly enrollment?: EnrollmentMode;
  /** Without it a request that shows a password is told that the manager has none loaded. */
  readonly password?: Secret<string | Uint8Array>;
  /** `tokens` unless given. */
  readonly generation?: Generation;
  /** How long after client.keys is written remoted knows a new key, ms; 50 unless given. */
  readonly keyReloadMs?: number;
  readonly force?: DuplicateRules;
  /** Groups that exist beside `default`. */
  readonly groups?: readonly string[];
  /** The manager's version with its `v`: an agent may not be newer. */
  readonly version?: string;
  /** How many agents there may be. */
  readonly agentLimit?: number;
  /** Of enrollments: 100 a second and 200 at once unless given. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  /** Instead of new ones: issuing takes a while. */
  readonly certificates?: HttpsCertificates;
  /** What `/cacerts` has instead of the bundle of `certificates`. */
  readonly cacerts?: 'absent' | 'mismatch';
  /** PEM of the CA whose certificates clients must show. */
  readonly clientCa?: string;
  /** False: wazuh-db does not answer. */
  readonly databaseUp?: boolean;
  /** What is to go wrong from the start; `interfere` plans more. */
  readonly faults?: readonly PlannedFault[];
  readonly oddities?: readonly HttpsOddity[];
  /** The manager's own time: of `Date`, JWTs, tokens, registrations and states. */
  readonly clock?: () => Date;
  readonly onEvent?: (event: SandboxEvent) => void;
}

/** An agent as the manager shows it: without its key and its secret. */
export interface HttpsAgentView extends AgentView {
  /** As it reported itself, also where that was refused. */
  readonly version?: string;
  /** Whether it has a re-enrollment secret. */
  readonly reenrollable: boolean;
}

/** What a new token is to say. */
export interface NewToken extends TokenTerms {
  /** `ca`: it carries the CA itself. */
  readonly anchor?: 'pin' | 'ca';
  /** False: it names no credential, for a manager that wants none. */
  readonly credential?: boolean;
  /** Another address than the manager's own: `host[:port][/[prefix]]`. */
  readonly address?: string;
}

/** A token that was issued. */
export interface IssuedToken {
  /** What the manager knows it by; absent where it names no credential. */
  readonly id?: string;
  /** What is handed to a host. */
  readonly text: Secret;
}

/** A Wazuh 5 manager that runs on loopback until it is closed. */
export interface HttpsSandbox {
  readonly family: 'wazuh-5';
  /** Also where it is down. The legacy ones are there with `legacy` alone. */
  readonly endpoints: { readonly https: Endpoint; readonly authd?: Endpoint; readonly agent?: Endpoint };
  /** `https://127.0.0.1:PORT/wazuh-manager`, without a slash at its end. */
  readonly url: string;
  /** PEM of the CA that signed the manager's certificate. */
  readonly ca: string;
  /** Of the CA: `sha256:` and 64 hex digits of its public key (SPKI). */
  readonly pin: string;
  agents(): readonly HttpsAgentView[];
  /** The re-enrollment secret of an agent, 64 hex digits. */
  reenrollSecret(id: string): Secret | undefined;
  /** @throws EnrollError with `SETTING_INVALID` if another one has its name, address or id, or if one of these is none */
  addAgent(agent: NewAgent): AgentRecord;
  /** False: there is no agent with this id. */
  removeAgent(id: string): boolean;
  /** Gives an agent another key, as if somebody else had enrolled in its place; the record, or `undefined` without one. */
  rotateKey(id: string): AgentRecord | undefined;
  /** Replaces the CA and the certificate, from the next connection on: pins and tokens of the old one are void. */
  replaceCertificates(certificates: HttpsCertificates): void;
  mintToken(wanted?: NewToken): IssuedToken;
  /** False: there is no token with this id. */
  revokeToken(id: string): boolean;
  /** As if this node had no copy of it. False: there is none with this id. */
  forgetToken(id: string): boolean;
  /** Lets a fault happen to the next requests of a route. */
  interfere(fault: PlannedFault): void;
  /** Resolves once the port is open and client.keys is read. @throws EnrollError if the port cannot be had */
  startRemoted(): Promise<void>;
  /** Resolves once the port is closed and the connections are gone; the legacy ones stay. */
  stopRemoted(): Promise<void>;
  /** Leaves no socket and no timer. May be called more than once; nothing can be started afterwards. */
  close(): Promise<void>;
}
