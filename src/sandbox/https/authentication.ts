import { allowsSource } from '../addresses.js';
import type { Agent } from '../agent-table.js';
import type { CredentialKind } from '../sandbox-events.js';
import { type HttpsAnswer, type Route, unauthorized, unauthorizedByNumber } from './answers.js';
import type { KeptToken } from './enrollment-tokens.js';
import { type HttpsRequest, type HttpsState, headerOf } from './exchange.js';
import { isInTime, isSignedWith, type JwtProfile, type ReadJwt, readJwt, signerOf } from './jwt.js';
import { agentKey, passwordKey, reenrollmentKey, tokenKey } from './signing-keys.js';

/** Who enrolls: anybody, a host that has a token, or an agent that is known. */
export type Enrolling =
  | { readonly by: 'nobody' | 'password' }
  | { readonly by: 'token'; readonly token: KeptToken }
  | { readonly by: 're-enrollment secret'; readonly agent: Agent };

/** The outcome of a look at a request's credentials. */
export type Authenticated<T> =
  | { readonly ok: true; readonly who: T }
  | { readonly ok: false; readonly answer: HttpsAnswer };

// More than come within the time that a JWT holds.
const KEPT = 20_000;

/** Who asks to enroll, by the JWT of the request or without one. */
export function authenticateEnrollment(request: HttpsRequest, state: HttpsState): Authenticated<Enrolling> {
  const shown = readBearer(request, 'wazuh-enroll+jwt');
  if (shown === 'none') {
    request.shows('none', false);
    return state.mode === 'open' ? { ok: true, who: { by: 'nobody' } } : withoutCredential('enroll', state);
  }
  if (state.generation === 'cmac') return withoutCredential('enroll', state);
  if (shown === 'unreadable') return unreadable('enroll', request);
  if (shown === 'another form') return fails('enroll', 'invalid_signature', request);
  switch (signerOf(shown.kid)) {
    case 'token':
      return byToken(shown, request, state);
    case 'agent':
      return byReenrollmentSecret(shown, request, state);
    default:
      return byPassword(shown, request, state);
  }
}

/** Which agent speaks, by its key as remoted has it. */
export function authenticateAgent(route: Route, request: HttpsRequest, state: HttpsState): Authenticated<string> {
  const shown = readBearer(request, 'wazuh-agent+jwt');
  if (shown === 'none') {
    request.shows('none', false);
    return withoutCredential(route, state);
  }
  if (state.generation === 'cmac') return withoutCredential(route, state);
  if (shown === 'unreadable') return unreadable(route, request);
  if (shown === 'another form') return fails(route, 'invalid_signature', request);
  tell('agent key', shown, request, state);
  const { kid = '' } = shown;
  const record = state.keys.get(kid);
  if (record === undefined) return refused(route, 'unknown_agent');
  if (!isSignedWith(shown, agentKey(record.key)) || !allowsSource(record.ip, request.source)) {
    return refused(route, 'invalid_signature');
  }
  return isInTime(shown.iat, secondsOf(state)) ? { ok: true, who: kid } : refused(route, 'stale_token');
}

function byPassword(jwt: ReadJwt, request: HttpsRequest, state: HttpsState): Authenticated<Enrolling> {
  tell('password', jwt, request, state);
  if (state.password === undefined) return refused('enroll', 'enrollment_key_unavailable');
  const fault = faultOf(jwt, passwordKey(state.password), state);
  return fault === undefined ? { ok: true, who: { by: 'password' } } : refused('enroll', fault);
}

function byToken(jwt: ReadJwt, request: HttpsRequest, state: HttpsState): Authenticated<Enrolling> {
  tell('token', jwt, request, state);
  if (state.generation === 'jwt') return refused('enroll', 'invalid_signature');
  const token = state.tokens.get(jwt.kid ?? '');
  if (token === undefined) return refused('enroll', 'token_unknown');
  const fault = faultOf(jwt, tokenKey(token.secret), state);
  if (fault !== undefined) return refused('enroll', fault);
  if (token.revoked) return refused('enroll', 'token_revoked');
  if (state.tokens.isExpired(token)) return refused('enroll', 'token_expired');
  return { ok: true, who: { by: 'token', token } };
}

function byReenrollmentSecret(jwt: ReadJwt, request: HttpsRequest, state: HttpsState): Authenticated<Enrolling> {
  tell('re-enrollment secret', jwt, request, state);
  if (state.generation === 'jwt') return refused('enroll', 'invalid_signature');
  const agent = state.store.get(jwt.kid ?? '');
  const secret = state.secrets.get(jwt.kid ?? '');
  if (agent === undefined || secret === undefined) return refused('enroll', 'unknown_agent');
  const fault = faultOf(jwt, reenrollmentKey(secret), state);
  return fault === undefined ? { ok: true, who: { by: 're-enrollment secret', agent } } : refused('enroll', fault);
}

/** What the `Authorization` header holds: exactly one, exactly `Bearer` and a JWT, of this profile. */
function readBearer(request: HttpsRequest, profile: JwtProfile): ReadJwt | 'none' | 'unreadable' | 'another form' {
  if (request.headers['authorization'] === undefined) return 'none';
  const text = /^Bearer ([^\s]+)$/.exec(headerOf(request, 'authorization') ?? '')?.[1];
  return text === undefined ? 'unreadable' : (readJwt(text, profile) ?? 'another form');
}

function faultOf(jwt: ReadJwt, key: Uint8Array, state: HttpsState): string | undefined {
  if (!isSignedWith(jwt, key)) return 'invalid_signature';
  return isInTime(jwt.iat, secondsOf(state)) ? undefined : 'stale_token';
}

function secondsOf({ clock }: HttpsState): number {
  return Math.floor(clock().getTime() / 1_000);
}

function tell(kind: CredentialKind, { jti }: ReadJwt, request: HttpsRequest, { seen }: HttpsState): void {
  request.shows(kind, seen.has(jti));
  seen.add(jti);
  const [oldest] = seen;
  if (seen.size > KEPT && oldest !== undefined) seen.delete(oldest);
}

function withoutCredential(route: Route, { generation }: HttpsState): { ok: false; answer: HttpsAnswer } {
  if (generation === 'tokens') return refused(route, 'invalid_request');
  return { ok: false, answer: unauthorizedByNumber(route, generation) };
}

function unreadable(route: Route, request: HttpsRequest): { ok: false; answer: HttpsAnswer } {
  return fails(route, 'invalid_request', request);
}

function fails(route: Route, kind: string, request: HttpsRequest): { ok: false; answer: HttpsAnswer } {
  request.shows('unreadable', false);
  return refused(route, kind);
}

function refused(route: Route, kind: string): { ok: false; answer: HttpsAnswer } {
  return { ok: false, answer: unauthorized(route, kind) };
}
