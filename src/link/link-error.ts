import { EnrollError, type ErrorCode, type ErrorDetails } from '../errors.js';
import type { LinkEvidence } from './link-evidence.js';

/** A link that was not proven, with what was seen meanwhile: whoever decides about the key decides by that. */
export class LinkError extends EnrollError {
  readonly evidence: LinkEvidence;

  constructor(code: ErrorCode, message: string, evidence: LinkEvidence, details: ErrorDetails = {}) {
    super(code, message, details);
    this.evidence = evidence;
  }
}
