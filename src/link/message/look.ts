import { EnrollError } from '../../errors.js';
import type { Endpoint } from '../../model/endpoint.js';
import type { Ending, LinkEvidence } from '../link-evidence.js';
import { attemptDeadline, type Pause } from './attempt.js';
import { isPong, PING } from './control.js';
import { Sightings } from './sightings.js';
import { strangerOf } from './stranger.js';
import { endingOf } from './tcp-attempt.js';
import type { OpenTransport, Protocol, Transport } from './transport.js';

/** Where to look. */
export interface LookRequest {
  readonly endpoint: Endpoint;
  readonly protocol: 'auto' | Protocol;
  /** Whether the port is that of the enrollment service. */
  readonly authd: boolean;
  /** For each protocol, in milliseconds. */
  readonly timeoutMs: number;
}

/** The edge that the look works through. */
export interface LookEdge {
  readonly open: OpenTransport;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  readonly pause: Pause;
}

/** How long an answer to `#ping` may take on a connection that stands, in milliseconds. */
const PONG_WAIT_MS = 2000;

/**
 * Looks at an agent port without a key: whether it is open, and whether a remoted answers `#ping` (Wazuh 4.0 and later).
 * UDP is tried where it was asked for, or where TCP did not lead to one. No message of an agent is sent.
 *
 * @throws EnrollError the reason of `signal`
 */
export async function look(request: LookRequest, edge: LookEdge, signal: AbortSignal): Promise<LinkEvidence> {
  const began = edge.now();
  const sightings = new Sightings(() => edge.now() - began);
  if (request.protocol !== 'udp') await lookOver('tcp', request, sightings, edge, signal);
  const tcp = sightings.of('tcp');
  const enough = sightings.pong || tcp?.stranger !== undefined || tcp?.last === 'unresolved';
  if (request.protocol === 'udp' || (request.protocol === 'auto' && !enough)) {
    await lookOver('udp', request, sightings, edge, signal);
  }
  return sightings.evidence({ authd: request.authd, messages: 0, waitedMs: edge.now() - began });
}

async function lookOver(
  protocol: Protocol,
  { timeoutMs }: LookRequest,
  sightings: Sightings,
  { open, pause }: LookEdge,
  signal: AbortSignal,
): Promise<void> {
  const limit = attemptDeadline(signal, timeoutMs, pause);
  let transport: Transport | undefined;
  sightings.note(protocol);
  try {
    transport = await open(protocol, limit.signal);
    sightings.noteLocalAddress(transport.localAddress);
    const answer = attemptDeadline(limit.signal, PONG_WAIT_MS, pause);
    try {
      sightings.note(protocol, await answerTo(transport, sightings, answer.signal));
    } finally {
      answer.clear();
    }
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    const hung = limit.signal.aborted;
    const broke = transport !== undefined && protocol === 'tcp';
    const ending: Ending = hung ? 'unreachable' : broke ? 'closed' : endingOf(thrown, protocol);
    sightings.note(protocol, ending, thrown.message);
  } finally {
    limit.clear();
    transport?.close();
  }
}

async function answerTo(transport: Transport, sightings: Sightings, signal: AbortSignal): Promise<Ending | undefined> {
  const { protocol } = transport;
  await transport.send(PING);
  try {
    const said = await transport.receive(signal);
    if (said === undefined) return strange(transport, sightings) ? undefined : 'closed';
    if (!isPong(said)) {
      sightings.noteStranger(protocol, strangerOf(said));
      return undefined;
    }
    sightings.notePong(protocol);
    sightings.notePongAtTheEnd(protocol);
    return undefined;
  } catch (thrown) {
    if (strange(transport, sightings)) return undefined;
    if (signal.aborted) return 'silent';
    throw thrown;
  }
}

/** Whether something was said that came to no message: that is no remoted. */
function strange({ protocol, firstBytes }: Transport, sightings: Sightings): boolean {
  if (firstBytes.length === 0) return false;
  sightings.noteStranger(protocol, strangerOf(firstBytes));
  return true;
}
