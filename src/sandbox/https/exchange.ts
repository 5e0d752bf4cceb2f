import type { Secret } from '../../model/secret.js';
import type { AgentStore } from '../agent-table.js';
import type { CredentialKind, SandboxEvent } from '../sandbox-events.js';
import type { EnrollmentTokens } from './enrollment-tokens.js';
import type { LoadedKeys } from './loaded-keys.js';
import type { RequestBucket } from './request-bucket.js';

/**
 * Which 5.x a manager is. `tokens`: as released. `jwt`: a pre-release that signs so already, without tokens, re-enrollment
 * and `/cacerts`. `cmac`: the one before, which signs with AES-CMAC and takes nothing that is sent today.
 */
export type Generation = 'tokens' | 'jwt' | 'cmac';

/** What an enrollment must bring: a credential of any kind, or none; or there are no enrollments. */
export type EnrollmentMode = 'credential' | 'open' | 'disabled';

/** What `/cacerts` has to give. `absent`: nothing; `mismatch`: a CA that the manager's certificate is not of. */
export type PublishedCa = { readonly pem: string; readonly generation: number } | 'absent' | 'mismatch';

/** A request as it reached a route, whole. */
export interface HttpsRequest {
  /** Of each header, by its name in lower case, all values. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  /** Absent: it is longer than a manager reads. */
  readonly body?: string;
  /** Who asks, as `sourceAddress` writes it. */
  readonly source: string;
  /** To be told what the request showed; `reused`: its token had come before. */
  readonly shows: (credential: CredentialKind, reused: boolean) => void;
}

/** What the routes work on. */
export interface HttpsState {
  readonly generation: Generation;
  readonly mode: EnrollmentMode;
  readonly password?: Secret<string | Uint8Array>;
  /** The manager's version, such as `v5.0.0`. */
  readonly version: string;
  readonly groups: ReadonlySet<string>;
  readonly store: AgentStore;
  /** Re-enrollment secrets by the id of the agent, 64 hex digits. */
  readonly secrets: Map<string, Secret>;
  /** The versions that agents reported, by id. */
  readonly versions: Map<string, string>;
  readonly tokens: EnrollmentTokens;
  readonly keys: LoadedKeys;
  readonly limit: RequestBucket;
  readonly agentLimit: number;
  /** Whether wazuh-db answers. */
  readonly databaseUp: boolean;
  readonly publishedCa: () => PublishedCa;
  readonly clock: () => Date;
  /** The `jti` of the tokens that have come. */
  readonly seen: Set<string>;
  readonly emit: (event: SandboxEvent) => void;
}

/** The one value of a header; `undefined` where it is missing, or there more than once. */
export function headerOf({ headers }: HttpsRequest, name: string): string | undefined {
  const [value, ...more] = headers[name] ?? [];
  return more.length > 0 ? undefined : value;
}
