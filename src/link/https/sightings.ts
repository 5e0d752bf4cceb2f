import type { EnrollError } from '../../errors.js';
import type { Conclusion, Ending, LinkEvidence, Sighting } from '../link-evidence.js';
import type { ControlAnswer } from './control.js';

/** What an attempt came to that did not acknowledge the key. */
export type Attempt =
  | Exclude<ControlAnswer, { kind: 'acknowledged' }>
  /** No answer; why, in words. */
  | { readonly kind: 'unanswered'; readonly ending: Ending; readonly why: string };

/** What was seen while the key was not acknowledged. How it was last counts: a manager that has gone refuses nothing. */
export class Sightings {
  readonly #endings: Partial<Record<Ending, number>> = {};
  #last: Attempt | undefined;

  note(attempt: Attempt): void {
    this.#last = attempt;
    if (attempt.kind === 'unanswered') this.#endings[attempt.ending] = (this.#endings[attempt.ending] ?? 0) + 1;
  }

  /** What the last attempt that has ended came to. */
  get last(): Attempt | undefined {
    return this.#last;
  }

  evidence(facts: Pick<LinkEvidence, 'messages' | 'waitedMs' | 'localAddress'>): LinkEvidence {
    return { conclusion: concludeFrom(this.#last), tcp: this.#sighting(), ...facts };
  }

  #sighting(): Sighting {
    const last = this.#last;
    return {
      endings: { ...this.#endings },
      answered: last?.kind === 'accepted, not ready' || last?.kind === 'version refused',
      refusals: 0,
      ...(last?.kind === 'unanswered' ? { last: last.ending, why: last.why } : {}),
      ...(last?.kind === 'stranger' ? { stranger: { service: 'http' } as const } : {}),
    };
  }
}

/** What the last attempt comes to. */
function concludeFrom(last: Attempt | undefined): Conclusion {
  switch (last?.kind) {
    case 'unknown agent':
    case 'invalid signature':
    case 'stale':
    case 'refused':
    case 'version refused':
    case 'not understood':
    case 'pre-release':
      return { kind: 'remoted', by: 'words' };
    case 'accepted, not ready':
      return { kind: 'remoted', by: 'answer' };
    case 'stranger':
      return { kind: 'other-service', protocol: 'tcp', service: 'http' };
    case 'unanswered':
      return ofEnding(last.ending);
    case 'not ready':
    case undefined:
      return { kind: 'silent' };
  }
}

function ofEnding(ending: Ending): Conclusion {
  switch (ending) {
    case 'refused':
      return { kind: 'closed' };
    case 'closed':
      return { kind: 'closes' };
    case 'unresolved':
      return { kind: 'unresolved' };
    case 'unreachable':
    case 'silent':
      return { kind: 'silent' };
  }
}

/** What a connection that failed is called; `undefined`: it is nothing that passes, and is thrown as it is. */
export function endingOf({ code }: EnrollError): Ending | undefined {
  switch (code) {
    case 'CONNECTION_REFUSED':
      return 'refused';
    case 'CONNECTION_FAILED':
      return 'unreachable';
    case 'CONNECTION_TIMED_OUT':
      return 'silent';
    case 'HOST_UNRESOLVED':
      return 'unresolved';
    default:
      return undefined;
  }
}
