import { abortReason } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { LinkError } from '../link-error.js';
import type { LinkEvidence } from '../link-evidence.js';
import type { MessageProof } from '../link-proof.js';
import { attemptDeadline, attemptOver } from './attempt.js';
import { doubts } from './doubts.js';
import type { HandshakeEdge, HandshakeRequest } from './handshake-request.js';
import { ping } from './ping.js';
import { Race } from './race.js';
import { tcpLane, tcpLook } from './tcp-lane.js';
import { udpLane } from './udp-lane.js';
import { linkError } from './words.js';
import { tryWorked } from './worked.js';

/** Where authd listens unless it was told otherwise. */
const AUTHD_PORT = 1515;
/** How long a manager may take to show, after the wait, that it is still there, in milliseconds. */
const LAST_LOOK_MS = 1500;

/**
 * Proves the link: sends `startup` until the manager acknowledges it, then `shutdown` where the manager knows it, so that
 * the agent is not left `pending` (remoted, 4.14: such an agent is never replaceable).
 *
 * What worked before is tried first, and alone. Otherwise, with `auto`, TCP is tried first, and UDP beside it as soon as
 * TCP is refused or hangs. What may pass, a name that does not resolve too, is tried until the wait is over.
 *
 * @throws LinkError with `LINK_REFUSED` or `LINK_VERSION_REFUSED` at once where the manager says so in words; with
 * `LINK_PORT_CLOSED`, `LINK_NOT_ACKNOWLEDGED`, `LINK_UNANSWERED`, `LINK_OTHER_SERVICE` or `LINK_SILENT` when the wait is
 * over: its evidence says what was seen
 * @throws EnrollError where the message counters cannot be kept, and with the reason of an aborted `signal`
 */
export async function prove(
  request: HandshakeRequest,
  edge: HandshakeEdge,
  signal: AbortSignal,
): Promise<MessageProof> {
  if (request.protocol === 'tcp' && request.family === 'ossec') throw ossecHasNoTcp(request);
  const race = new Race(request, edge);
  const late = attemptOver();
  const stop = () => race.stop(signal.reason);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  void race.pause(request.waitMs).then(() => {
    if (!race.over.aborted) race.stop(late);
  });
  race.begin(tryAll(race));
  try {
    return await race.ended;
  } catch (thrown) {
    if (thrown !== late) throw thrown;
    await race.settled();
    throw linkError(request, await evidenceAtTheEnd(race, signal));
  } finally {
    signal.removeEventListener('abort', stop);
    await race.settled();
  }
}

async function tryAll(race: Race): Promise<void> {
  const unanswered = await tryWorked(race);
  const { protocol, family } = race.request;
  if (protocol !== 'udp') race.begin(family === 'ossec' ? tcpLook(race) : tcpLane(race, unanswered));
  if (protocol !== 'tcp') race.begin(udpLane(race));
  race.begin(doubts(race));
}

/** A manager that has gone meanwhile did not refuse the key: it is asked once more whether it is there. */
async function evidenceAtTheEnd(race: Race, signal: AbortSignal): Promise<LinkEvidence> {
  const { request, sightings, attempts, elapsedMs } = race;
  const last = attemptDeadline(signal, LAST_LOOK_MS, race.pause);
  try {
    for (const protocol of sightings.pongs) {
      if (await ping(race, protocol, last.signal)) sightings.notePongAtTheEnd(protocol);
      if (signal.aborted) throw abortReason(signal);
    }
  } finally {
    last.clear();
  }
  const { port } = request.endpoint;
  const authd = port === request.enrollmentPort || port === AUTHD_PORT;
  return sightings.evidence({ authd, messages: attempts, waitedMs: elapsedMs });
}

function ossecHasNoTcp({ endpoint }: HandshakeRequest): LinkError {
  const message = `The manager (${formatEndpoint(endpoint)}) is an OSSEC, whose agents' messages go over UDP only, and TCP alone was to be tried.`;
  const evidence: LinkEvidence = { conclusion: { kind: 'closed' }, messages: 0, waitedMs: 0 };
  return new LinkError('LINK_PORT_CLOSED', message, evidence, {
    hint: 'Leave --protocol out, or say --protocol udp. A proxy carries TCP only: --proxy none, or the manager in NO_PROXY, goes without.',
  });
}
