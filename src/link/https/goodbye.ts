import { EnrollError } from '../../errors.js';
import { attemptDeadline, attemptOver } from '../message/attempt.js';
import { controlBody, readControl } from './control.js';
import type { ProveEdge } from './prove-request.js';
import { endingOf } from './sightings.js';
import type { Signed } from './signed.js';

/** How long a goodbye may take, and how long where the run is to end at once, in milliseconds. */
const GOODBYE_MS = 3000;
const HURRIED_MS = 150;

/** How long until it is said again, in milliseconds. */
const AGAIN_MS = 200;

/**
 * Ends what a startup has begun, so that the agent is not left `pending` (5.0: such an agent is never replaced). The link
 * is proven, or not, whatever comes of it.
 *
 * @param signal of the run; where it is aborted hardly any time is left
 */
export async function sayGoodbye(
  signed: Signed,
  { pause }: Pick<ProveEdge, 'pause'>,
  signal: AbortSignal,
): Promise<void> {
  const hurried = new AbortController();
  const hurry = () => void pause(HURRIED_MS, hurried.signal).then(() => hurried.abort(attemptOver()));
  if (signal.aborted) hurry();
  else signal.addEventListener('abort', hurry);
  const limit = attemptDeadline(hurried.signal, GOODBYE_MS, pause);
  try {
    while (!(await isSaid(signed, limit.signal))) {
      await pause(AGAIN_MS, limit.signal);
      if (limit.signal.aborted) return;
    }
  } finally {
    limit.clear();
    hurried.abort(attemptOver());
    signal.removeEventListener('abort', hurry);
  }
}

/** Whether the manager has heard it, or will not. */
async function isSaid(signed: Signed, signal: AbortSignal): Promise<boolean> {
  try {
    const outcome = await signed.post('control', controlBody('shutdown'), signal);
    if (outcome.kind !== 'answer') return outcome.kind === 'stranger';
    const { kind } = readControl('shutdown', outcome.answer);
    return kind !== 'not ready' && kind !== 'accepted, not ready';
  } catch (thrown) {
    if (!(thrown instanceof EnrollError)) throw thrown;
    return endingOf(thrown) === undefined;
  }
}
