/** What the HTTPS side of a Wazuh 5 manager says to a request. */
export interface HttpsAnswer {
  readonly status: number;
  readonly body: string;
  /** Over those that every answer has: `Server`, `Date`, `Content-Type: application/json`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** True: it comes from before the routes, so without `Server` and `Date`, and the connection ends with it. */
  readonly bare?: boolean;
}

/** The parts of a manager that answer. */
export type Route = 'probe' | 'cacerts' | 'enroll' | 'secret' | 'control';

const AUTHENTICATION = 'Invalid client authentication';

// Texts as observed or as upstream documents have them; where none was seen, plain words of the sandbox's own.
const AUTHD_TEXTS: ReadonlyMap<number, readonly [status: number, message: string]> = new Map([
  [-1, [503, 'Enrollment service temporarily unavailable']],
  [9001, [500, 'Internal error']],
  [9002, [500, 'Answer not understood']],
  [9003, [400, 'Invalid request']],
  [9004, [400, 'Invalid request']],
  [9005, [400, 'Invalid name']],
  [9006, [400, 'Invalid IP']],
  [9007, [409, 'Duplicate IP']],
  [9008, [409, 'Duplicate name']],
  [9009, [500, 'Issue generating key']],
  [9012, [409, 'Duplicate ID']],
  [9013, [503, 'Maximum number of agents reached']],
  [9014, [400, 'Invalid Group(s) Name(s)']],
  [9015, [503, 'Master node not reachable']],
  [9016, [503, 'Cannot communicate with master node']],
  [9017, [400, 'Invalid request']],
  [9022, [403, 'Enrollment token not found or revoked']],
  [9023, [403, 'Enrollment token expired']],
  [9024, [403, 'Enrollment token uses exhausted']],
  [9030, [409, 'Rotation in progress']],
  [9031, [503, 'Journal not writable']],
]);

/** The words for it as JSON. */
export function json(status: number, value: unknown, headers?: HttpsAnswer['headers']): HttpsAnswer {
  return { status, body: JSON.stringify(value), ...(headers === undefined ? {} : { headers }) };
}

/** There is no such route, by path or by method. */
export const NO_ROUTE: HttpsAnswer = { ...json(404, { error: 'not_found' }), bare: true };

/** remoted has more requests than it takes, and turns one away before it looks at it. */
export const OVERLOADED: HttpsAnswer = json(503, { error: 'Service unavailable', code: 503 });

/** A refusal of `/enroll`, whose error is an object. */
export function enrollRefusal(status: number, code: number, message: string): HttpsAnswer {
  return json(status, { error: { code, message } });
}

/** What authd refused with one of its numbers; one that the table does not have is 500. */
export function authdRefusal(code: number): HttpsAnswer {
  const [status, message] = AUTHD_TEXTS.get(code) ?? [500, 'Internal error'];
  return enrollRefusal(status, code, message);
}

/** An error in one word, as everything but `/enroll` has it. */
export function flatRefusal(status: number, error: string): HttpsAnswer {
  return json(status, { error });
}

/** remoted does without its database. */
export const NO_DATABASE: HttpsAnswer = json(503, { error: 'dependency_unavailable', dependency: 'wazuh-db' });

/** 401 with its class, in the shape of the route. */
export function unauthorized(route: Route, kind: string): HttpsAnswer {
  const headers = { 'WWW-Authenticate': challenge(kind) };
  if (route === 'enroll') return json(401, { error: { code: kind, message: AUTHENTICATION } }, headers);
  return json(401, { error: AUTHENTICATION, code: kind }, headers);
}

/** 401 to a request without credentials from a manager before tokens: by number, and with AES-CMAC without a challenge. */
export function unauthorizedByNumber(route: Route, generation: 'jwt' | 'cmac'): HttpsAnswer {
  const headers = generation === 'jwt' ? { 'WWW-Authenticate': 'Bearer' } : {};
  if (route === 'enroll') return json(401, { error: { code: 401, message: AUTHENTICATION } }, headers);
  return json(401, { error: AUTHENTICATION, code: 401 }, headers);
}

/** Too many requests at once; `Retry-After` in seconds. */
export function rateLimited(route: Route, retryAfter = 1): HttpsAnswer {
  const headers = { 'Retry-After': String(retryAfter) };
  if (route !== 'enroll') return json(429, { error: 'rate_limited' }, headers);
  const message = 'Enrollment is rate limited on this manager, retry later';
  return json(429, { error: { code: 0, message } }, headers);
}

function challenge(kind: string): string {
  if (kind === 'enrollment_key_unavailable') return 'Bearer';
  if (kind === 'invalid_request') return 'Bearer error="invalid_request"';
  return `Bearer error="invalid_token", error_description="${kind}"`;
}
