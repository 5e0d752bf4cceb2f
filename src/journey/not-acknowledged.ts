import { EnrollError, EXIT } from '../errors.js';

/**
 * What an error means once a key lies in its place: that the manager could not be reached is no longer that nothing was
 * installed, but that nobody has acknowledged the key. Every other error stays what it is.
 */
export function notAcknowledged(error: EnrollError): EnrollError {
  if (error.exitCode !== EXIT.unreachable) return error;
  if (error.code === 'DEADLINE_PASSED') {
    const text = 'The key is installed, but the manager did not acknowledge it before the deadline of the run.';
    const hint = 'Run agent-enroll check, or give the run more time with --deadline.';
    return new EnrollError('LINK_SILENT', text, { hint, cause: error });
  }
  const text = `The key is installed, but the manager did not acknowledge it. ${error.message}`;
  return new EnrollError('LINK_SILENT', text, { hint: `${error.hint} Then run agent-enroll check.`, cause: error });
}
