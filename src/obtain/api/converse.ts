import { EnrollError, type ErrorDetails } from '../../errors.js';
import type { Secret } from '../../model/secret.js';
import type { Patience } from '../patience.js';
import { type KnownAnswer, readAnswer } from './answer.js';
import type { ApiHttp, ApiRequest, Exchange, RepeatableRequest, Reply } from './http.js';

/** An answer of the API. */
export interface Answered {
  readonly kind: 'answer';
  readonly answer: KnownAnswer;
  readonly reply: Reply;
}

/** What is known after a request. */
export type Settled =
  | Answered
  /** A request that creates or deletes an agent may have been carried out, or not. */
  | { readonly kind: 'unknown'; readonly error: EnrollError };

/** Sends one request, and where that is safe again. */
export interface Converse {
  (request: RepeatableRequest, authorization: Secret | undefined, signal: AbortSignal): Promise<Answered>;
  (request: ApiRequest, authorization: Secret | undefined, signal: AbortSignal): Promise<Settled>;
}

// 1013: no socket, 1017: the daemons are not ready. The request was not carried out.
const STARTING: ReadonlySet<number> = new Set([1013, 1017]);
// A fault inside the API or on its way to another daemon: what had been done by then is not told.
const HALF_DONE: ReadonlySet<number> = new Set([1000, 1014, 3021]);

/**
 * Talks to an API with the patience that it needs: a limited one (429, error 6001, for the whole server) and a starting
 * one are asked again later, a block (403, error 6000, 300 s) is final.
 */
export function converse(http: ApiHttp, patience: Patience, where: string): Converse {
  function ask(...given: [RepeatableRequest, Secret | undefined, AbortSignal]): Promise<Answered>;
  function ask(...given: [ApiRequest, Secret | undefined, AbortSignal]): Promise<Settled>;
  async function ask(request: ApiRequest, authorization: Secret | undefined, signal: AbortSignal): Promise<Settled> {
    for (;;) {
      const { once } = request;
      const exchange = await http.request(request, authorization, signal);
      if (exchange.kind !== 'reply') {
        if (once === undefined) throw exchange.error;
        return { kind: 'unknown', error: afterSending(exchange, once) };
      }
      const { reply } = exchange;
      const answer = readAnswer(reply.status, reply.body);
      if (answer.kind === 'foreign') {
        const message = `${where} gave an answer that is none of the manager's API (HTTP ${reply.status}).`;
        if (once === undefined) throw new EnrollError('NOT_API', message);
        return { kind: 'unknown', error: new EnrollError('REPLY_INVALID', message, hintFor(once)) };
      }
      if (answer.kind === 'done') return { kind: 'answer', answer, reply };
      const { status, code = 0 } = answer;
      if (code === 6000) throw blocked(where);
      const limited = status === 429 || code === 6001;
      const starting = STARTING.has(code) || (once === undefined && status >= 500);
      if (limited || starting) {
        if (await patience.wait(signal)) continue;
        throw limited ? tooMany(where) : notReady(where, answer);
      }
      if (once !== undefined && (status >= 500 || HALF_DONE.has(code))) {
        return { kind: 'unknown', error: faulty(where, answer, once) };
      }
      return { kind: 'answer', answer, reply };
    }
  }
  return ask;
}

type Once = NonNullable<ApiRequest['once']>;

const REQUEST: Readonly<Record<Once, string>> = {
  creates: 'request for the agent',
  deletes: 'request to delete the agent',
};

function afterSending({ kind, error }: Exclude<Exchange, { kind: 'reply' }>, once: Once): EnrollError {
  const message = `${error.message} The ${REQUEST[once]} had been sent by then.`;
  return new EnrollError(kind === 'lost' ? 'ANSWER_LOST' : 'REPLY_INVALID', message, {
    ...hintFor(once),
    cause: error,
  });
}

/** That of the codes is for an agent that may be there without a key. */
function hintFor(once: Once): ErrorDetails {
  if (once === 'creates') return {};
  return { hint: 'Run the same command again: it looks first whether the manager still has the agent.' };
}

function blocked(where: string): EnrollError {
  return new EnrollError(
    'API_BLOCKED',
    `${where} has blocked this address for its failed logins (error 6000). It refuses the right password as well until the block ends.`,
  );
}

function tooMany(where: string): EnrollError {
  return new EnrollError('API_RATE_LIMITED', `${where} gets more requests than it takes in a minute (error 6001).`);
}

function notReady(where: string, { status, code }: { status: number; code?: number }): EnrollError {
  const which = code === undefined ? `HTTP ${status}` : `error ${code}`;
  return new EnrollError('API_STARTING', `${where} answers, but the manager behind it is not ready (${which}).`);
}

function faulty(where: string, { status, code }: { status: number; code?: number }, once: Once): EnrollError {
  const which = code === undefined ? `HTTP ${status}` : `error ${code}`;
  const message = `${where} failed while it worked on the ${REQUEST[once]} (${which}).`;
  return new EnrollError('ANSWER_LOST', message, hintFor(once));
}
