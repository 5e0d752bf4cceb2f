import { isObject, memberOf, textOf } from '../../model/json.js';
import { isNoRoute, isOfRemoted, type ManagerAnswer, refusalOf, retryAfterMs } from '../../model/manager-answer.js';
import { signsWithCmac } from '../../model/manager-generation.js';

/**
 * What is said to `/control`. `probe`: a type that no manager knows, so that it checks the key, does nothing and leaves
 * nothing behind; the other two are seen in the manager's list of agents.
 */
export type ControlMessage = 'probe' | 'startup' | 'shutdown';

/** The version that is told: a manager writes it down even where it refuses it. */
const VERSION = 'v5.0.0';

/** The body of a message. */
export function controlBody(message: ControlMessage): Readonly<Record<string, string>> {
  switch (message) {
    case 'probe':
      return { type: 'agent-enroll-probe' };
    case 'startup':
      return { type: 'startup', version: VERSION };
    case 'shutdown':
      return { type: 'shutdown' };
  }
}

/** What an answer says of the key. `said`: the manager's own text, as it came. */
export type ControlAnswer =
  | { readonly kind: 'acknowledged' }
  /** No agent has this id: not yet, or not any more. */
  | { readonly kind: 'unknown agent'; readonly said: string }
  /** The agent has another key, or this host an address that is not the agent's. */
  | { readonly kind: 'invalid signature'; readonly said: string }
  | { readonly kind: 'stale'; readonly said: string }
  /** Refused for a reason that nobody has seen before. */
  | { readonly kind: 'refused'; readonly said: string; readonly which: string }
  /** The manager has looked at the key and accepted it, and misses something itself. */
  | { readonly kind: 'accepted, not ready'; readonly missing: string }
  /** It has not looked at the key. */
  | { readonly kind: 'not ready'; readonly which: string; readonly afterMs?: number }
  /** The key was accepted, the version was not. */
  | { readonly kind: 'version refused'; readonly said: string }
  | { readonly kind: 'pre-release'; readonly said: string }
  /** What was sent is not what a manager takes. */
  | { readonly kind: 'not understood'; readonly said: string }
  /** It is no remoted, or has another prefix. */
  | { readonly kind: 'stranger'; readonly noRoute: boolean; readonly which: string };

/**
 * Reads an answer of `/control` (Wazuh 5.0). A 401 has its reason in `code`; the others are one word in `error`, and come
 * from behind the check of the key, but for those of the transport (429, and a 503 without a dependency).
 *
 * @param sent what it is the answer to
 */
export function readControl(sent: ControlMessage, answer: ManagerAnswer): ControlAnswer {
  const { status, body } = answer;
  const { said, code } = refusalOf(answer);
  const which = code === undefined ? `HTTP ${status}` : `HTTP ${status}, ${code}`;
  if (isNoRoute(answer)) return { kind: 'stranger', noRoute: true, which };
  if (status === 200 && isObject(body)) return { kind: 'acknowledged' };
  if (status === 401) return unauthorized(answer, which);
  if (status === 429) {
    const afterMs = retryAfterMs(answer);
    return { kind: 'not ready', which, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  if (status === 503 && said === 'dependency_unavailable') {
    return { kind: 'accepted, not ready', missing: textOf(memberOf(body, 'dependency')) ?? 'a part of it' };
  }
  // Before September: 500 for 503, and 400 for 409.
  if (status === 500 && said === 'database_error') return { kind: 'accepted, not ready', missing: 'its database' };
  if (status >= 500) return { kind: 'not ready', which };
  if (status === 400 && said === 'unknown_message_type' && sent === 'probe') return { kind: 'acknowledged' };
  if (status === 409 && said === 'invalid_version') return { kind: 'version refused', said };
  if (status === 400 && isOfRemoted(answer)) return { kind: 'not understood', said };
  if (status < 400 || said === '') return { kind: 'stranger', noRoute: false, which };
  return { kind: 'refused', said, which };
}

function unauthorized(answer: ManagerAnswer, which: string): ControlAnswer {
  const { said, code } = refusalOf(answer);
  switch (code) {
    case 'unknown_agent':
      return { kind: 'unknown agent', said };
    case 'invalid_signature':
      return { kind: 'invalid signature', said };
    case 'stale_token':
      return { kind: 'stale', said };
    case 'invalid_request':
      return { kind: 'not understood', said };
    default:
      return signsWithCmac(answer) ? { kind: 'pre-release', said } : { kind: 'refused', said, which };
  }
}
