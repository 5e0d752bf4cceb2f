import type { SandboxEvent } from '../sandbox-events.js';
import type { ApiAnswer, ApiRequest, ApiState } from './exchange.js';
import type { LoginBlock, RequestLimit } from './rate-limit.js';
import type { ApiTokens } from './tokens.js';
import type { ApiUser } from './users.js';

/** What the 4.x API works on. */
export interface V4State extends ApiState {
  readonly tokens: ApiTokens;
  readonly requests: RequestLimit;
  readonly logins: LoginBlock;
}

/** A request of the 4.x API that was let in. */
export interface V4Call {
  readonly request: ApiRequest;
  readonly state: V4State;
  readonly user: ApiUser;
}

/** Why the framework behind the API refuses, or one of its list's items fails. */
export interface FrameworkError {
  readonly code: number;
  readonly message: string;
  readonly remediation?: string;
}

/** What a list answer says, depending on what came of it. */
export interface ListMessages {
  readonly all: string;
  readonly some: string;
  readonly none: string;
}

const SERVER = { server: 'Wazuh', 'strict-transport-security': 'max-age=63072000; includeSubdomains' };
const JSON_TYPE = { ...SERVER, 'content-type': 'application/json' };
const PROBLEM_TYPE = { ...SERVER, 'content-type': 'application/problem+json; charset=utf-8' };

/** Agent 1701. */
export const NO_AGENT: FrameworkError = {
  code: 1701,
  message: 'Agent does not exist',
  remediation: 'Please, use `GET /agents?select=id,name` to find all available agents',
};
/** Agent 000 has no key and no groups. */
export const IS_MANAGER: FrameworkError = { code: 1703, message: 'Action not available for Manager (agent 000)' };
/** Group 1710. */
export const NO_GROUP: FrameworkError = {
  code: 1710,
  message: 'The group does not exist',
  remediation: 'Please, use `GET /agents/groups` to find all available groups',
};

/** It was done. */
export function done(body: object, events: readonly SandboxEvent[] = []): ApiAnswer {
  return { status: 200, headers: JSON_TYPE, body: { ...body, error: 0 }, events };
}

/** A bare token. */
export function plain(text: string): ApiAnswer {
  return { status: 200, headers: { ...SERVER, 'content-type': 'text/plain' }, body: text };
}

/** What was done for each of several: HTTP 200 with error 0, 1 (all failed) or 2 (some). */
export function listed(
  items: readonly unknown[],
  failures: readonly { readonly id: string; readonly error: FrameworkError }[],
  messages: ListMessages,
  { total = items.length, events = [] }: { readonly total?: number; readonly events?: readonly SandboxEvent[] } = {},
): ApiAnswer {
  const errors = [...new Set(failures.map(({ error }) => error))];
  const [first] = errors;
  const failed = errors.map((error) => ({
    error,
    id: failures.filter((failure) => failure.error === error).map(({ id }) => id),
  }));
  const data = {
    affected_items: items,
    total_affected_items: total,
    total_failed_items: failures.length,
    failed_items: failed,
  };
  const outcome = items.length === 0 ? 'none' : failures.length > 0 ? 'some' : 'all';
  const error = failures.length === 0 ? 0 : outcome === 'none' ? 1 : 2;
  return {
    status: 200,
    headers: JSON_TYPE,
    body: { data, message: messages[outcome], error },
    events,
    ...(first === undefined ? {} : { code: first.code }),
  };
}

/** A refusal by the HTTP layer: the schema, the token, the route. */
export function problem(status: number, title: string, detail: string, more: Partial<FrameworkError> = {}): ApiAnswer {
  const { code, remediation } = more;
  return {
    status,
    headers: PROBLEM_TYPE,
    body: {
      title,
      detail,
      ...(remediation === undefined ? {} : { remediation }),
      ...(code === undefined ? {} : { error: code }),
    },
    ...(code === undefined ? {} : { code }),
  };
}

/** The request is not one that the schema takes. */
export function badRequest(detail: string): ApiAnswer {
  return problem(400, 'Bad Request', detail);
}

const TITLES = { 400: 'Bad Request', 403: 'Permission Denied', 404: 'Resource Not Found' } as const;

/** A refusal by the framework behind the API, which names the node that refused. */
export function refused(status: keyof typeof TITLES, error: FrameworkError, node = 'node01'): ApiAnswer {
  const { code, message, remediation } = error;
  return {
    status,
    headers: PROBLEM_TYPE,
    body: {
      title: TITLES[status],
      detail: message,
      ...(remediation === undefined ? {} : { remediation }),
      dapi_errors: { [node]: { error: message } },
      error: code,
    },
    code,
  };
}

/** The user may not do this. What is asked of one agent or group is refused by no node in particular (4.14). */
export function denied(resource: '*:*' | 'agent:id' | 'group:id', { version }: ApiState): ApiAnswer {
  const error: FrameworkError = {
    code: 4000,
    message: `Permission denied: Resource type: ${resource}`,
    remediation: `Please, make sure you have permissions to execute the current request. For more information on how to set up permissions, please visit ${docsOf(version)}/user-manual/api/rbac/configuration.html`,
  };
  return refused(403, error, resource === '*:*' ? 'node01' : 'unknown-node');
}

/** Where the manager's own messages send the reader. */
export function docsOf(version: string): string {
  return `https://documentation.wazuh.com/${version.replace(/^v/, '').split('.').slice(0, 2).join('.')}`;
}
