import { EnrollError } from '../../errors.js';
import { jsonIn } from '../../model/json.js';
import type { ManagerAnswer } from '../../model/manager-answer.js';
import { clockDifference } from '../../model/manager-clock.js';
import { agentJwt } from '../../model/manager-jwt.js';
import type { HttpOutcome } from '../../net/http.js';
import { openManager } from '../../net/manager-http.js';
import type { ProveEdge, ProveRequest } from './prove-request.js';

/** Requests of one agent, each signed with its key by a token of its own. */
export interface Signed {
  /** @throws EnrollError what connecting throws, and the reason of `signal` */
  post(what: string, body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<SignedOutcome>;
  /**
   * Signs with the manager's time from now on, where an answer tells another one than this host's clock. That is done
   * once. False: nothing has changed by it.
   */
  correctClock(answer: ManagerAnswer): boolean;
  /** Whether the last request may have left this host. */
  readonly mayHaveLeft: boolean;
  /** From which address this host speaks to the manager, where that is known. */
  readonly localAddress: string | undefined;
  close(): Promise<void>;
}

/** What came of a request. */
export type SignedOutcome =
  | { readonly kind: 'answer'; readonly answer: ManagerAnswer }
  /** No whole answer came, and the request may have been carried out. */
  | { readonly kind: 'lost'; readonly error: EnrollError }
  /** An answer came that no remoted gives; a sentence. */
  | { readonly kind: 'stranger'; readonly sentence: string };

/**
 * Opens a way for signed requests. The server is trusted before the first of them is sent.
 * @throws EnrollError `KEYS_INVALID` for a key that a Wazuh 5 takes no signature of
 */
export async function openSigned(
  { record, manager, trust, clientCertificate, timeoutMs }: Omit<ProveRequest, 'fresh' | 'waitMs'>,
  { dial, proxied, jti, clock, onCertificate }: Omit<ProveEdge, 'pause' | 'now' | 'onAttempt'>,
): Promise<Signed> {
  const http = await openManager(manager, {
    trust,
    dial,
    timeoutMs,
    ...(onCertificate === undefined ? {} : { onCertificate }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  });
  let ahead = 0;
  return {
    async post(what, body, signal) {
      const token = agentJwt(record, { iat: Math.floor(clock() / 1000) + ahead, jti: jti() });
      if (token === undefined) {
        throw new EnrollError(
          'KEYS_INVALID',
          `The key of agent ${record.id} is none that a Wazuh 5 issues: it is not 64 hexadecimal digits, or its id is not written as a manager writes it.`,
        );
      }
      return outcomeOf(await http.request({ method: 'POST', what, token, body }, signal));
    },
    correctClock(answer) {
      if (ahead !== 0) return false;
      ahead = clockDifference(clock(), answer.header('date'));
      return ahead !== 0;
    },
    get mayHaveLeft() {
      return http.mayHaveLeft;
    },
    get localAddress() {
      return proxied ? undefined : http.localAddress;
    },
    close: () => http.close(),
  };
}

function outcomeOf(outcome: HttpOutcome): SignedOutcome {
  switch (outcome.kind) {
    case 'reply': {
      const { status, header, body } = outcome.reply;
      return { kind: 'answer', answer: { status, header, body: jsonIn(body) } };
    }
    case 'lost':
      return outcome;
    case 'unusable':
      return { kind: 'stranger', sentence: outcome.message };
  }
}
