import type { ErrorCode } from '../../errors.js';
import type { LinkEvidence } from '../../link/link-evidence.js';
import type { CheckId } from './finding.js';

/** What is known on this host that would explain why a manager refuses the key. */
export interface Suspicions {
  /** The record is for another address than the one from which this host speaks. */
  readonly address: boolean;
  /** The counter of this key has been lost. */
  readonly counter: boolean;
}

/**
 * Which check a link that was not proven belongs to. What a manager refuses in silence is put down to what is known to be
 * wrong here, before it is put down to the key.
 */
export function causeOf(
  code: ErrorCode,
  { conclusion }: Pick<LinkEvidence, 'conclusion'>,
  { address, counter }: Suspicions,
): CheckId {
  switch (conclusion.kind) {
    case 'unresolved':
      return 'manager-name';
    case 'closed':
    case 'silent':
    case 'closes':
    case 'other-service':
      return 'agent-port';
    case 'remoted':
    case 'refused-message':
    case 'silent-udp':
      if (code === 'LINK_VERSION_REFUSED') return 'version';
      if (code === 'LINK_REFUSED') return 'key';
      return address ? 'address' : counter ? 'counter' : 'key';
  }
}
