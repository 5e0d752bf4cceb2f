import { EnrollError, type ErrorDetails } from '../../errors.js';
import { isNoRoute, isOfRemoted, type ManagerAnswer, refusalOf, retryAfterMs } from '../../model/manager-answer.js';
import { unsignable } from './generation.js';
import type { Again, Refusal, RefusalContext } from './refusal-meaning.js';
import { byNumber } from './refusal-number.js';
import { byWord } from './refusal-word.js';

/** The error for an answer that is no key, and when to ask again. */
export interface Refused {
  readonly error: EnrollError;
  readonly again: Again;
}

/** As long as the caller has patience. */
const LATER: Again = { wait: {} };

/**
 * What an answer to `POST /enroll` means that is no 200, by its status and by the word of remoted's or the number of
 * authd's in it. One that nobody has seen before is shown with all that the manager said, and no credential is given up
 * for it.
 */
export function refused(answer: ManagerAnswer, context: RefusalContext): Refused {
  const { said, code } = refusalOf(answer);
  const managerSaid = context.quote(said);
  const { hint, again = {}, message, code: errorCode } = explain(answer, context);
  const which = code === undefined ? `HTTP ${answer.status}` : `HTTP ${answer.status}, ${context.quote(String(code))}`;
  const details: ErrorDetails = {
    ...(managerSaid === '' ? {} : { managerSaid }),
    ...(hint === undefined ? {} : { hint }),
  };
  const tail = managerSaid === '' ? ` (${which}).` : ` It said: "${managerSaid}" (${which}).`;
  const text = `${managerSaid === '' ? message.replace(/\.$/, '') : message}${tail}`;
  return { error: new EnrollError(errorCode, text, details), again: asTold(again, answer) };
}

/** A manager that wants to be left alone for a while is. */
function asTold(again: Again, answer: ManagerAnswer): Again {
  const atLeastMs = retryAfterMs(answer);
  if (again.wait === undefined || atLeastMs === undefined) return again;
  return { ...again, wait: { ...again.wait, atLeastMs } };
}

function explain(answer: ManagerAnswer, context: RefusalContext): Refusal {
  const { status } = answer;
  if (isNoRoute(answer)) return noRoute(context);
  switch (status) {
    case 401:
      return unauthorized(answer, context);
    case 413:
      return {
        code: 'REQUEST_REFUSED',
        message: 'The manager did not take the request: it is too large.',
        hint: 'Name fewer groups, and assign the others on the manager afterwards.',
      };
    case 415:
      return {
        code: 'REQUEST_REFUSED',
        message: 'The manager did not take the encoding of the request.',
        hint: 'Nothing was compressed here: something between this host and the manager may change what is sent.',
        again: { once: true },
      };
    case 429:
      return {
        code: 'MANAGER_NOT_READY',
        message: 'The manager takes no more requests for keys at the moment.',
        hint: 'All hosts share its limit. Try again in a minute, or spread the hosts with --splay.',
        again: LATER,
      };
    case 502:
    case 504:
      // Of a proxy that has passed the request on and got no answer to it.
      return { code: 'ANSWER_LOST', message: 'Something before the manager lost its answer to the request.' };
    default:
      return byNumber(answer, context) ?? byStatus(answer, context);
  }
}

function unauthorized(answer: ManagerAnswer, context: RefusalContext): Refusal {
  const { code } = refusalOf(answer);
  const old = unsignable(answer);
  if (old !== undefined) return old;
  return (
    byWord(code, context) ?? {
      code: 'REQUEST_REFUSED',
      message:
        'The manager did not accept what the request was signed with, for a reason that this program does not know.',
      again: LATER,
    }
  );
}

function noRoute({ where, path }: RefusalContext): Refusal {
  return {
    code: 'NOT_MANAGER',
    message: `${where} has nothing at ${path}: it has another prefix, or it is older than Wazuh 5.`,
  };
}

function byStatus(answer: ManagerAnswer, { where }: RefusalContext): Refusal {
  const { status } = answer;
  if (status >= 500) {
    return { code: 'MANAGER_NOT_READY', message: 'The manager could not work on the request.', again: LATER };
  }
  if (status < 300 && isOfRemoted(answer)) {
    return { code: 'REPLY_INVALID', message: 'The manager did something, and gave no key.' };
  }
  if (status < 400 || !(isOfRemoted(answer) || refusalOf(answer).said !== '')) {
    return { code: 'NOT_MANAGER', message: `What answers at ${where} is not the remoted of a Wazuh 5.` };
  }
  return { code: 'REQUEST_REFUSED', message: 'The manager refused the request.' };
}
