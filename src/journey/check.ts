import { EnrollError } from '../errors.js';
import type { AgentRecord } from '../model/agent-record.js';
import { CHECK_IDS, type Check, endOf, type Finding, inOrder, untold } from './checks/finding.js';
import { lookAtAll } from './checks/look.js';
import type { Journey } from './context.js';
import type { ManagerLink } from './manager-link.js';

/** A link that works. */
export interface CheckedLink {
  readonly changed: false;
  readonly record: AgentRecord;
  /** Absent where an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
  /** All that was looked at. Some of it may be wrong that the link does not need. */
  readonly checks: readonly Check[];
}

/**
 * Looks at all that a host needs to appear at its manager, proves the link with the key that is there, and changes nothing
 * but the message counters. What was seen is told in any case.
 *
 * @throws EnrollError with `KEY_MISSING`, `KEYS_INVALID`, `MANAGER_MISSING`, `KEY_OF_ANOTHER_MACHINE`,
 * `AGENT_NOT_CONNECTED`, `AGENT_RESTART_NEEDED`, `ANOTHER_RUN`, or what the handshake found wrong
 */
export async function check(journey: Journey): Promise<CheckedLink> {
  const findings: Finding[] = [];
  try {
    const { link, record } = await lookAtAll(journey, (...found) => findings.push(...found));
    const failed = journey.settings.unsettled?.managers ?? endOf(findings);
    if (failed !== undefined) throw failed;
    // Without a key there is a check that fails.
    if (record === undefined) throw new EnrollError('KEY_MISSING', `There is no key in ${journey.agent.keysFile}.`);
    return {
      changed: false,
      record,
      checks: inOrder(findings),
      ...(link.kind === 'proved' ? { link: link.link } : {}),
    };
  } finally {
    // Of each the first counts.
    const late = CHECK_IDS.map((id) => untold(id, 'Not looked at: the run was ended before.'));
    journey.observe({ kind: 'checked', checks: inOrder([...findings, ...late]) });
  }
}
