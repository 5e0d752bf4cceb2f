import { abortReason } from '../../errors.js';
import { deadline } from '../../net/deadline.js';
import type { LinkProof } from '../link-proof.js';
import { Evidence } from './evidence.js';
import type { HandshakeEdge, HandshakeRequest } from './handshake-request.js';
import { Race } from './race.js';
import { tcpLane } from './tcp-lane.js';
import { udpLane } from './udp-lane.js';

/**
 * Proves the link: sends `startup` until the manager acknowledges it, then `shutdown`, so that the agent is not left
 * `pending` (remoted, 4.14: such an agent is never replaceable).
 *
 * With `auto`, TCP is tried first, and UDP beside it as soon as TCP is refused or hangs. Both end when one is
 * acknowledged.
 *
 * @throws EnrollError with `LINK_REFUSED` or `LINK_VERSION_REFUSED` at once where the manager says so in words, with
 * `LINK_PORT_CLOSED`, `LINK_NOT_ACKNOWLEDGED`, `LINK_UNANSWERED` or `LINK_SILENT` when the wait is over
 */
export async function prove(request: HandshakeRequest, edge: HandshakeEdge, signal: AbortSignal): Promise<LinkProof> {
  const evidence = new Evidence();
  const limit = deadline(signal, request.waitMs, () => evidence.toError(request.endpoint, request.waitMs));
  const race = new Race(request, edge, evidence, limit.signal);
  const stop = () => race.stop(limit.signal.reason);
  limit.signal.addEventListener('abort', stop, { once: true });
  if (limit.signal.aborted) stop();
  const lanes = [
    ...(request.protocol === 'udp' ? [] : [tcpLane]),
    ...(request.protocol === 'tcp' ? [] : [udpLane]),
  ].map((lane) => untilItEnds(lane, race));
  try {
    let failure: unknown;
    for (const ended of await Promise.allSettled(lanes)) {
      if (ended.status === 'fulfilled' && ended.value !== undefined) return ended.value;
      if (ended.status === 'rejected') failure ??= ended.reason;
    }
    throw failure ?? abortReason(limit.signal);
  } finally {
    limit.signal.removeEventListener('abort', stop);
    limit.clear();
  }
}

/** Tries one protocol until it is acknowledged, or the race is over (`undefined`). */
type Lane = (race: Race) => Promise<LinkProof | undefined>;

/** A lane that fails for good takes the other one with it. */
async function untilItEnds(lane: Lane, race: Race): Promise<LinkProof | undefined> {
  try {
    return await lane(race);
  } catch (thrown) {
    race.stop(thrown);
    throw thrown;
  }
}
