import type { ManagerFamily } from '../../model/endpoint.js';
import { isObject, memberOf, textOf } from '../../model/json.js';

/** What an API says that it is. */
export interface ApiInfo {
  readonly major: number;
  readonly minor: number;
  /** `4.14.7`. */
  readonly text: string;
  /** The manager's clock when it answered, in milliseconds since 1970. */
  readonly clock?: number;
}

/** The two kinds of API that differ in everything: Basic auth and HTTP 200 for all, or a token and problem+json. */
export type ApiKind = '3.x' | '4.x';

/**
 * Tells the APIs apart by the answer to `GET /` without credentials: 3.x (3.13.6) asks for Basic credentials of the
 * realm "OSSEC API", 4.0 and later (to 5.0.0-beta4) send a problem+json without WWW-Authenticate.
 * `undefined`: it is neither.
 */
export function kindOf(
  status: number,
  header: (name: string) => string | undefined,
  body: unknown,
): ApiKind | undefined {
  if (status === 401) {
    if (/^\s*Basic\s+realm="OSSEC API"/i.test(header('www-authenticate') ?? '')) return '3.x';
    return /^application\/problem\+json\b/i.test(header('content-type') ?? '') ? '4.x' : undefined;
  }
  // A 3.x API can be configured to ask for no credentials.
  return status === 200 && apiInfo(memberOf(body, 'data'))?.major === 3 ? '3.x' : undefined;
}

/** Reads the `data` of `GET /`: `api_version` is `v3.13.6` or `4.14.7`. */
export function apiInfo(data: unknown): ApiInfo | undefined {
  if (!isObject(data)) return undefined;
  const match = /^v?((\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?)/.exec(textOf(data['api_version']) ?? '');
  if (match === null) return undefined;
  const [, version = '', major, minor] = match;
  const clock = Date.parse(textOf(data['timestamp']) ?? '');
  return {
    major: Number(major),
    minor: Number(minor),
    text: version,
    ...(Number.isNaN(clock) ? {} : { clock }),
  };
}

/** Whether an API is of this version or a later one. */
export function isAtLeast(info: ApiInfo, major: number, minor: number): boolean {
  return info.major > major || (info.major === major && info.minor >= minor);
}

/** The family of manager that an API belongs to. */
export function familyOf({ major }: ApiInfo): ManagerFamily {
  if (major <= 3) return 'wazuh-3';
  return major === 4 ? 'wazuh-4' : 'wazuh-5';
}
