import { EnrollError } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { type HttpsEndpoint, pathAt } from '../../model/https-endpoint.js';
import { jsonIn } from '../../model/json.js';
import type { ManagerAnswer } from '../../model/manager-answer.js';
import { clockDifference } from '../../model/manager-clock.js';
import { type EnrollCredential, enrollJwt } from '../../model/manager-jwt.js';
import { Secret } from '../../model/secret.js';
import type { HttpOutcome } from '../../net/http.js';
import { openManager } from '../../net/manager-http.js';
import type { TrustVerdict } from '../../net/trust.js';
import type { AgentKey, KeyRequest, KeySource, Telling } from '../key-source.js';
import { budgetOfTry, type Patience, patience } from '../patience.js';
import { quote } from '../quote.js';
import { type Anchor, type ManagerTrust, settleAnchor } from './anchor.js';
import type { LookOptions } from './look.js';
import { type Refused, refused } from './refusal.js';
import { readIssued } from './reply.js';
import { type EnrollBody, enrollBody } from './request.js';

/** Where a manager is, by what it is asked, and how. */
export interface HttpsOptions extends LookOptions, Telling {
  readonly manager: HttpsEndpoint;
  /** Absent: nothing is shown, as with a token without a credential. */
  readonly credential?: EnrollCredential;
  readonly trust: ManagerTrust;
  /**
   * How often the caller asks again by itself. 0: nothing is waited for longer than `timeoutMs`; else what the manager
   * may still get (a token on a worker) is waited for as long as that takes.
   */
  readonly retries: number;
  /** From 0 to below 1, for the jitter. */
  readonly random: () => number;
  /** 16 random bytes, new at each call. */
  readonly jti: () => Uint8Array;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
  /** This host's clock, in milliseconds since 1970. */
  readonly clock: () => number;
}

/**
 * Asks a manager's remoted for a key over HTTPS (Wazuh 5).
 *
 * The manager is trusted first, see `settleAnchor`; each request then goes over a connection of its own that is trusted
 * before the credential is shown. A request whose answer is lost is not made again: that is `ANSWER_LOST`. A refusal is
 * asked again where that can help: once with the manager's time, and for a while where the manager is not ready.
 */
export function httpsSource(options: HttpsOptions): KeySource {
  return {
    method: 'https',
    async obtain(request, signal) {
      const body = enrollBody(request);
      const budgetMs = budgetOfTry(options.timeoutMs, options.retries);
      const waits = patience({ ...options, budgetMs });
      const anchor = await settleAnchor(options.manager, options.trust, options, waits, signal);
      return await enroll(request, body, anchor, waits, options, signal);
    },
  };
}

async function enroll(
  request: KeyRequest,
  body: EnrollBody,
  anchor: Anchor,
  waits: Patience,
  options: HttpsOptions,
  signal: AbortSignal,
): Promise<AgentKey> {
  const { manager, credential, retries, timeoutMs } = options;
  const where = formatEndpoint(manager);
  const path = pathAt(manager, 'enroll');
  const secrets = secretsOf(credential);
  const context = {
    name: body.name,
    ip: body.ip,
    where,
    path,
    quote: (said: string) => quote(said, secrets),
    ...(credential === undefined ? {} : { credential: credential.kind }),
  };
  let ahead = 0;
  let resent = false;
  for (let asked = 1; ; asked += 1) {
    const { outcome, verdict } = await ask({ body, ahead, isFirst: asked === 1 }, anchor, options, signal);
    const answer = answerIn(outcome, where);
    if (answer.status === 200 && !isForeign(answer)) {
      const issued = readIssued(answer.body, { request, where, ...(credential === undefined ? {} : { credential }) });
      return agentKey(request, issued, anchor, verdict, options);
    }
    const { error, again }: Refused = refused(answer, context);
    const difference = ahead === 0 && again.clock ? clockDifference(options.clock(), answer.header('date')) : 0;
    if (difference !== 0) {
      ahead = difference;
      continue;
    }
    if (again.once && !resent) {
      resent = true;
      continue;
    }
    if (again.wait === undefined) throw error;
    const terms = retries === 0 ? { ...again.wait, forMs: timeoutMs } : again.wait;
    if (!(await waits.wait(signal, terms))) throw error;
  }
}

/** One request, over a connection of its own: one that was idle may end in the moment in which it is used. */
async function ask(
  { body, ahead, isFirst }: { readonly body: EnrollBody; readonly ahead: number; readonly isFirst: boolean },
  { trust }: Anchor,
  options: HttpsOptions,
  signal: AbortSignal,
): Promise<{ readonly outcome: HttpOutcome; readonly verdict: TrustVerdict | undefined }> {
  const { credential } = options;
  const http = await openManager(options.manager, { ...options, trust });
  const tellOnce = credential !== undefined && isFirst ? options.onWarning : undefined;
  try {
    const moment = { iat: Math.floor(options.clock() / 1000) + ahead, jti: options.jti() };
    const token = credential === undefined ? {} : { token: enrollJwt(credential, moment) };
    const outcome = await http.request({ method: 'POST', what: 'enroll', ...token, body }, signal);
    return { outcome, verdict: http.verdict };
  } finally {
    if (http.mayHaveLeft && http.verdict !== undefined) tellOfExposure(http.verdict, tellOnce);
    await http.close();
  }
}

/** What was shown is known to whoever answered, whatever the answer is. */
function tellOfExposure({ by, fingerprint }: TrustVerdict, tell: Telling['onWarning']): void {
  if (by !== 'first use' && by !== 'nothing') return;
  tell?.(
    `What is signed with the credential was shown to a manager whose certificate nothing vouched for (${by === 'nothing' ? 'not checked' : 'first use'}); a weak password can be guessed from it. Use --ca or --pin ${fingerprint}.`,
  );
}

function answerIn(outcome: HttpOutcome, where: string): ManagerAnswer {
  switch (outcome.kind) {
    case 'reply': {
      const { status, header, body } = outcome.reply;
      return { status, header, body: jsonIn(body) };
    }
    case 'lost':
      throw new EnrollError(
        'ANSWER_LOST',
        `${outcome.error.message} The request for the agent had been sent by then.`,
        {
          cause: outcome.error,
        },
      );
    case 'unusable': {
      const { because, message, cause } = outcome;
      // Nobody who sends one on to somebody else has carried it out.
      if (because === 'redirect') {
        throw new EnrollError('NOT_MANAGER', `What answers at ${where} is not a manager. ${message}`, { cause });
      }
      throw new EnrollError('REPLY_INVALID', `${message} The request for the agent had been sent by then.`, { cause });
    }
  }
}

/** A page of something that stands in the manager's place, and no answer of remoted's that is broken. */
function isForeign({ header, body }: ManagerAnswer): boolean {
  return body === undefined && /\bhtml\b/i.test(header('content-type') ?? '');
}

function agentKey(
  request: KeyRequest,
  { record, reenroll, warnings }: ReturnType<typeof readIssued>,
  anchor: Anchor,
  trust: TrustVerdict | undefined,
  { manager, credential }: HttpsOptions,
): AgentKey {
  const told = [...warnings];
  if (credential?.kind === 'reenroll' && record.id !== credential.id) {
    told.push(`The manager gave this agent another id than it had: ${record.id}, and not ${credential.id}.`);
  }
  return {
    method: 'https',
    record,
    groups: request.groups,
    endpoint: { host: manager.host, port: manager.port },
    family: 'wazuh-5',
    belongings: {
      manager,
      ...(anchor.pem === undefined ? {} : { anchor: anchor.pem }),
      ...(reenroll === undefined ? {} : { reenroll }),
    },
    warnings: told,
    ...(trust === undefined ? {} : { trust }),
  };
}

/** What must not be shown, should an answer repeat it, in the forms in which it could. */
function secretsOf(credential: EnrollCredential | undefined): readonly Secret<string | Uint8Array>[] {
  if (credential === undefined) return [];
  if (credential.kind === 'password') return [credential.password];
  const bytes =
    credential.kind === 'token' ? credential.secret.reveal() : Buffer.from(credential.secret.reveal(), 'hex');
  return [credential.secret, ...FORMS.map((form) => new Secret(Buffer.from(bytes).toString(form)))];
}

const FORMS = ['hex', 'base64', 'base64url'] as const;
