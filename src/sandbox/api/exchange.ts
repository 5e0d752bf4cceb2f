import type { AgentStore } from '../agent-table.js';
import type { SandboxEvent } from '../sandbox-events.js';
import type { ApiUsers } from './users.js';

/** A request as it reached the API, whole. */
export interface ApiRequest {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization?: string;
  readonly contentType?: string;
  readonly body: string;
  /** Who asks, as `sourceAddress` writes it. */
  readonly source: string;
}

/** What the API does with a request. */
export interface ApiAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** A string goes out as it is, everything else as JSON. */
  readonly body: unknown;
  /** Whose credentials or token the request had; absent where they were not accepted. */
  readonly user?: string;
  /** The error code of the answer; for a list, of its first failure. */
  readonly code?: number;
  /** What happened meanwhile. */
  readonly events?: readonly SandboxEvent[];
}

/** What the APIs of all generations work on. */
export interface ApiState {
  readonly store: AgentStore;
  /** The groups that exist: the same set that authd looks at. */
  readonly groups: Set<string>;
  readonly users: ApiUsers;
  /** The manager's version, such as `v4.14.7`. */
  readonly version: string;
  readonly hostName: string;
  readonly clock: () => Date;
  /** False: the API finds no authd behind it. */
  readonly authdReachable: boolean;
}

/** The name of agent 000, which is the manager itself (Wazuh 3.13, 4.14). */
export const MANAGER_NAME = 'manager';

/** The parts between the slashes, decoded; `undefined`: there is an escape that is none. */
export function segmentsOf(path: string): readonly string[] | undefined {
  try {
    return path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Whether a route such as `/agents/:id/key` is this path; gives what stands for the words with a colon. */
export function matchRoute(route: string, segments: readonly string[]): readonly string[] | undefined {
  const words = route.split('/').slice(1);
  if (words.length !== segments.length) return undefined;
  const values: string[] = [];
  for (const [index, word] of words.entries()) {
    const segment = segments[index] ?? '';
    if (word.startsWith(':')) values.push(segment);
    else if (word !== segment) return undefined;
  }
  return values.some((value) => value === '') ? undefined : values;
}
