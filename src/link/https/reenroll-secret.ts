import { abortReason, EnrollError } from '../../errors.js';
import { memberOf, textOf } from '../../model/json.js';
import { refusalOf, retryAfterMs } from '../../model/manager-answer.js';
import type { ReenrollSecret } from '../../model/manager-jwt.js';
import { printable } from '../../model/printable.js';
import { isReenrollSecret } from '../../model/reenroll-secret.js';
import { Secret } from '../../model/secret.js';
import { attemptDeadline } from '../message/attempt.js';
import type { ProveEdge, ProveRequest } from './prove-request.js';
import { openSigned, type Signed } from './signed.js';

/** What came of asking for a secret. */
export type SecretAnswer =
  | { readonly kind: 'given'; readonly reenroll: ReenrollSecret }
  /** None, which costs nothing but the way back after the key is lost: the agent asks by itself. Why, in words. */
  | { readonly kind: 'none'; readonly why: string };

/** How long until the manager is asked again that is busy, in milliseconds. */
const AGAIN_MS = 500;

/**
 * Asks a Wazuh 5 for a re-enrollment secret of a key that was given without one: by authd, by the REST API, by hand. The
 * key stays what it is, and an older secret is void with the answer.
 *
 * @param request whose `waitMs` is for all of it together
 * @throws EnrollError the reason of an aborted `signal`, and nothing else: a run does not fail for this
 */
export async function askReenrollSecret(
  request: Omit<ProveRequest, 'fresh'>,
  edge: ProveEdge,
  signal: AbortSignal,
): Promise<SecretAnswer> {
  const limit = attemptDeadline(signal, request.waitMs, edge.pause);
  const signed = await openSigned(request, edge);
  let last: SecretAnswer = { kind: 'none', why: 'The manager did not answer in time.' };
  try {
    for (;;) {
      const { answer, againMs } = await ask(request, signed, limit.signal);
      last = answer;
      if (againMs === undefined) return last;
      await edge.pause(againMs, limit.signal);
    }
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    if (!limit.signal.aborted) return { kind: 'none', why: thrown.message };
  } finally {
    limit.clear();
    await signed.close();
  }
  if (signal.aborted) throw abortReason(signal);
  return last;
}

/** `againMs`: it may be given later. */
async function ask(
  { record }: Pick<ProveRequest, 'record'>,
  signed: Signed,
  signal: AbortSignal,
): Promise<{ readonly answer: SecretAnswer; readonly againMs?: number }> {
  const outcome = await signed.post('enroll/secret', {}, signal);
  if (outcome.kind === 'lost') return { answer: { kind: 'none', why: outcome.error.message } };
  if (outcome.kind === 'stranger') return { answer: { kind: 'none', why: outcome.sentence } };
  const { answer } = outcome;
  const { status, body } = answer;
  if (status === 200) {
    const id = textOf(memberOf(body, 'id'));
    const secret = textOf(memberOf(body, 'reenroll_secret'));
    if (id === record.id && secret !== undefined && isReenrollSecret(secret)) {
      return { answer: { kind: 'given', reenroll: { id, secret: new Secret(secret) } } };
    }
    return { answer: { kind: 'none', why: 'What the manager gave is no re-enrollment secret of this agent.' } };
  }
  const { said, code = said } = refusalOf(answer);
  const which = code === '' ? '' : `, ${printable(String(code))}`;
  const none = { kind: 'none', why: `The manager gave no re-enrollment secret (HTTP ${status}${which}).` } as const;
  if (status === 401 && code === 'stale_token' && signed.correctClock(answer)) return { answer: none, againMs: 0 };
  const busy = status === 409 || status === 429 || status === 503;
  return busy ? { answer: none, againMs: retryAfterMs(answer) ?? AGAIN_MS } : { answer: none };
}
