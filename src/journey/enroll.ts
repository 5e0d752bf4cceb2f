import { assignGroups } from './assign-groups.js';
import { conclude, type Enrollment } from './conclude.js';
import type { Journey } from './context.js';
import { identity } from './identity.js';
import { install } from './install.js';
import { prepared, rehearseKey } from './prepare.js';
import { tryPresentKey } from './present-key.js';
import { prove, proveKnown } from './prove.js';
import { requestKey } from './request-key.js';
import { refuseSurplus } from './surplus-agent.js';

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

    await rehearseKey(ready);
    const host = await identity(ready, present);
    const answer = await requestKey(ready, host, present);
    if (answer.kind === 'known') return await conclude(ready, await proveKnown(ready, answer));
    await refuseSurplus(ready, host, answer, present);

    await install(ready, { ...answer, host }, present);
    await assignGroups(ready, answer);
    const link = await prove(ready, answer);
    return await conclude(ready, { changed: true, record: answer.key.record, link });
  });
}
