import { memberOf, textOf } from './json.js';

/** An answer of the remoted of a Wazuh 5, or of what stands in its place. */
export interface ManagerAnswer {
  readonly status: number;
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  /** The body as JSON; `undefined` where it is none. */
  readonly body: unknown;
}

/** What an answer says of a refusal. */
export interface ManagerRefusal {
  /** A word of remoted's or a number of authd's; absent: none is there. */
  readonly code?: string | number;
  /** The manager's own text, as it came; empty: none is there. */
  readonly said: string;
}

/** What remoted calls itself in `Server`. A proxy before it may call itself otherwise. */
const SERVER = 'wazuh-manager-remoted';

/** Whether a remoted gave this answer, and not only the HTTP part of it, which refuses what it has no route for. */
export function isOfRemoted({ header }: ManagerAnswer): boolean {
  return header('server') === SERVER;
}

/**
 * Whether there is nothing at this path: another prefix, or a manager that is older than what was asked for. Remoted
 * says so without its `Server` (5.0, August); with it the route is there, and what was asked for is not.
 */
export function isNoRoute(answer: ManagerAnswer): boolean {
  return answer.status === 404 && !isOfRemoted(answer);
}

/** Reads a refusal in either form: `{"error":{"code","message"}}` of the enrollment, `{"error","code"}` of all else. */
export function refusalOf({ body }: ManagerAnswer): ManagerRefusal {
  const error = memberOf(body, 'error');
  const nested = textOf(memberOf(error, 'message'));
  const code = codeIn(memberOf(error, 'code')) ?? codeIn(memberOf(body, 'code'));
  return { said: nested ?? textOf(error) ?? '', ...(code === undefined ? {} : { code }) };
}

/** How long is to be waited before the request is made again, in milliseconds; `undefined`: the answer does not tell. */
export function retryAfterMs({ header }: ManagerAnswer): number | undefined {
  const seconds = header('retry-after')?.trim() ?? '';
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}

function codeIn(value: unknown): string | number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  return typeof value === 'string' && /^[a-z0-9_]{1,64}$/i.test(value) ? value : undefined;
}
