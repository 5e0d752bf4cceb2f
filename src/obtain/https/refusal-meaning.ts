import type { ErrorCode } from '../../errors.js';
import type { EnrollCredential } from '../../model/manager-jwt.js';
import type { WaitTerms } from '../patience.js';

/** A refusal, and what is needed to put it into words. */
export interface RefusalContext {
  readonly name: string;
  /** The field `ip` of the request. */
  readonly ip: string;
  /** By what the key was asked for; absent: by nothing. */
  readonly credential?: EnrollCredential['kind'];
  /** `host:port`. */
  readonly where: string;
  /** The path that was asked: `/wazuh-manager/enroll`. */
  readonly path: string;
  /** Makes a part of the answer fit to be shown. */
  readonly quote: (said: string) => string;
}

/** When the same request may be made again. Nothing of it: not at all. */
export interface Again {
  /** Once, signed with the manager's time, where that differs from this host's. */
  readonly clock?: true;
  /** Once, as it is. */
  readonly once?: true;
  /** After a while, and again, on these terms. */
  readonly wait?: WaitTerms;
}

/** What a refusal means. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly again?: Again;
}
