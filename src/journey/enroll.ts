import type { AgentRecord } from '../model/agent-record.js';
import { assignGroups } from './assign-groups.js';
import { conclude } from './conclude.js';
import type { Journey } from './context.js';
import { identity } from './identity.js';
import { install } from './install.js';
import type { ManagerLink } from './manager-link.js';
import { prepared } from './prepare.js';
import { tryPresentKey } from './present-key.js';
import { prove, proveKnown } from './prove.js';
import { requestKey } from './request-key.js';

/** What a journey that went well ended with; the events told the rest. */
export interface Enrollment {
  /** False: the key that was there works, and nothing was written. */
  readonly changed: boolean;
  readonly record: AgentRecord;
  /** Absent where no handshake was asked for, or an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
}

/**
 * The journey: from "no key" to "the manager answered, encrypted with this key".
 *
 * It can be run again at any time, by several at once. A key that the manager acknowledges is left alone; one that it
 * does not acknowledge although it is there is replaced by a new one.
 *
 * @throws EnrollError, and then the old key is still there whole, unless the new one was installed
 */
export async function enroll(journey: Journey): Promise<Enrollment> {
  return await prepared(journey, async (ready) => {
    const present = await tryPresentKey(ready);
    if (present.works) return await conclude(ready, present);

    const host = await identity(ready, present);
    const answer = await requestKey(ready, host, present);
    if (answer.kind === 'known') return await conclude(ready, await proveKnown(ready, answer));

    await install(ready, answer, present);
    await assignGroups(ready, answer);
    const link = await prove(ready, answer);
    return await conclude(ready, { changed: true, record: answer.key.record, link });
  });
}
