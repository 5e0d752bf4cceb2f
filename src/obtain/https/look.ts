import { EnrollError } from '../../errors.js';
import type { HttpsEndpoint } from '../../model/https-endpoint.js';
import { jsonIn } from '../../model/json.js';
import type { ManagerAnswer } from '../../model/manager-answer.js';
import type { Dial } from '../../net/connect.js';
import type { HttpOutcome } from '../../net/http.js';
import { type ManagerRequest, openManager } from '../../net/manager-http.js';
import type { ClientCertificate } from '../../net/trust.js';

/** How to look at a manager. */
export interface LookOptions {
  readonly clientCertificate?: ClientCertificate | undefined;
  readonly dial: Dial;
  /** For one request with its answer, the connection included, in milliseconds. */
  readonly timeoutMs: number;
}

/** What came of a look. */
export type Seen =
  | { readonly kind: 'answer'; readonly answer: ManagerAnswer; readonly bytes: Uint8Array }
  /** It answers, and not as a manager does; the sentence says how. */
  | { readonly kind: 'stranger'; readonly sentence: string };

/**
 * A connection to somebody whose certificate nobody has checked. It carries nothing that is secret: no token can be given
 * to what is asked here.
 */
export interface Look {
  /** @throws EnrollError the codes of `connectTls` and of {@link Dial}, `CONNECTION_…`, and the reason of `signal` */
  get(what: string, signal: AbortSignal): Promise<Seen>;
  /** An empty request that is not signed, as {@link Look.get}. */
  post(what: string, signal: AbortSignal): Promise<Seen>;
  close(): Promise<void>;
}

/** Opens a connection on which nothing is trusted and nothing secret is said. */
export async function openLook(manager: HttpsEndpoint, options: LookOptions): Promise<Look> {
  const { dial, timeoutMs, clientCertificate } = options;
  // Nobody is told of a certificate that is not looked at.
  const http = await openManager(manager, {
    trust: { insecure: true },
    dial,
    timeoutMs,
    clientCertificate,
  });
  const ask = async (request: ManagerRequest, signal: AbortSignal) => seenIn(await http.request(request, signal));
  return {
    get: (what, signal) => ask({ method: 'GET', what }, signal),
    post: (what, signal) => ask({ method: 'POST', what, body: {} }, signal),
    close: () => http.close(),
  };
}

function seenIn(outcome: HttpOutcome): Seen {
  switch (outcome.kind) {
    case 'reply': {
      const { status, header, body } = outcome.reply;
      return { kind: 'answer', answer: { status, header, body: jsonIn(body) }, bytes: body };
    }
    case 'unusable':
      return { kind: 'stranger', sentence: outcome.message };
    case 'lost':
      throw outcome.error;
  }
}

/** The error for what answers and is no manager. */
export function notManager({ sentence }: Extract<Seen, { kind: 'stranger' }>): EnrollError {
  return new EnrollError('NOT_MANAGER', `What was asked is not the remoted of a Wazuh 5. ${sentence}`);
}
