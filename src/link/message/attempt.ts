import { EnrollError } from '../../errors.js';

/** The reason of a wait that was only one of several: never shown. */
export function attemptOver(): EnrollError {
  return new EnrollError('CONNECTION_TIMED_OUT', 'No answer to this attempt.');
}

/** Whether trying again is pointless: the manager spoke, or the fault is not the network's. */
export function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof EnrollError)) return true;
  return !['CONNECTION_REFUSED', 'CONNECTION_TIMED_OUT', 'CONNECTION_FAILED'].includes(thrown.code);
}
