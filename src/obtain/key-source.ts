import type { AgentRecord } from '../model/agent-record.js';
import type { Endpoint, ManagerFamily } from '../model/endpoint.js';
import type { HttpsEndpoint } from '../model/https-endpoint.js';
import type { ReenrollSecret } from '../model/manager-jwt.js';
import type { RegisterIp } from '../model/register-address.js';
import type { SeenCertificate, TrustVerdict } from '../net/trust.js';

/** The ways to a key that the field knows. */
export type Method = 'authd' | 'api' | 'https' | 'import';

/** What is asked for. */
export interface KeyRequest {
  readonly name: string;
  readonly ip: RegisterIp;
  readonly groups: readonly string[];
  /** The record that this host has already, so that the manager can tell a renewal from a theft of the name. */
  readonly present?: AgentRecord;
}

/** What has come of what was still to be asked of the manager. The key is good in any case. */
export interface Completion {
  /** Those that the manager has put the agent into. */
  readonly groups: readonly string[];
  /** What the user should know, in sentences: which groups were not assigned, and why. */
  readonly warnings: readonly string[];
}

/** What belongs to a key of a Wazuh 5 and lies in files of its own. */
export interface Belongings {
  /** The manager as its agents are to name it. */
  readonly manager: HttpsEndpoint;
  /** PEM of the CA that the agent is to trust the manager by; absent: nothing but the certificate itself was trusted. */
  readonly anchor?: string;
  /** By which the agent can get another key and keep its id. Absent: a manager that gives none. */
  readonly reenroll?: ReenrollSecret;
}

/** A key that a manager issued, checked: one record, for the name that was asked for. */
export interface AgentKey {
  readonly method: Method;
  readonly record: AgentRecord;
  /** Those that the manager has put the agent into with the key. */
  readonly groups: readonly string[];
  /** Where it came from; absent for a key imported by hand. */
  readonly endpoint?: Endpoint;
  readonly trust?: TrustVerdict;
  /** What the reply gives away about the manager; a guess where two families answer alike. */
  readonly family?: ManagerFamily;
  /** With a key of a Wazuh 5 over HTTPS. */
  readonly belongings?: Belongings;
  /** What the user should know, in sentences: a duplicate that was renamed, an address that was not taken, … */
  readonly warnings: readonly string[];
  /**
   * What is still to be asked of the manager once the key is on the disk: groups, with the REST API. Never throws for
   * what the manager refuses, nor for an abort: the key is good without. Absent: nothing is. No connection is kept open
   * for it, so it need not be called.
   */
  readonly complete?: (signal: AbortSignal) => Promise<Completion>;
}

/** Told, while a key is asked for, what holds whatever comes of it. */
export interface Telling {
  /** A server has shown its certificate. */
  readonly onCertificate?: (seen: SeenCertificate) => void;
  /** In a sentence, what the user should know: that a secret was sent to somebody whom nobody has checked. */
  readonly onWarning?: (text: string) => void;
}

/** One way to get a key. All of them end in the same value. */
export interface KeySource {
  readonly method: Method;
  /**
   * The key, as soon as the manager has issued it.
   * @throws EnrollError, with `ANSWER_LOST` from the moment on where the manager may have registered the agent
   */
  obtain(request: KeyRequest, signal: AbortSignal): Promise<AgentKey>;
}
