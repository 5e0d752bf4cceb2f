import { EnrollError, type ErrorCode, systemCode } from '../../errors.js';
import { formatEndpoint } from '../../model/endpoint.js';
import { LinkError } from '../link-error.js';
import type { Ending } from '../link-evidence.js';
import { attemptDeadline, isFinal } from './attempt.js';
import type { Cipher } from './cipher.js';
import { isCutOff } from './framing.js';
import { AT_ONCE_MS, type Race } from './race.js';
import { strangerOf } from './stranger.js';
import type { Protocol, Transport } from './transport.js';

/**
 * A connection to the agent port; `undefined`: there is none now, which is noted.
 * @throws LinkError where the proxy, and not the manager, stands in the way
 */
export async function openTcpTo(race: Race): Promise<Transport | undefined> {
  const { sightings } = race;
  const beganMs = race.elapsedMs;
  sightings.note('tcp');
  try {
    const transport = await race.edge.open('tcp', race.over);
    race.tcpOpened = true;
    sightings.noteLocalAddress(transport.localAddress);
    return transport;
  } catch (thrown) {
    if (race.over.aborted) {
      const hung = race.elapsedMs - beganMs > AT_ONCE_MS;
      if (hung && sightings.of('tcp')?.last !== 'unresolved') sightings.note('tcp', 'unreachable');
      return undefined;
    }
    if (!(thrown instanceof EnrollError)) throw thrown;
    if (!race.tcpOpened && PROXY_FAULTS.includes(thrown.code)) throw notReached(race, thrown);
    sightings.note('tcp', endingOf(thrown, 'tcp'), thrown.message);
    return undefined;
  }
}

/** What a connection or a datagram that did not come about ended with. */
export function endingOf({ code, cause }: EnrollError, protocol: Protocol): Ending {
  // A connection that is not taken is refused, and not reset; a datagram is refused by what Windows calls a reset.
  if (systemCode(cause) === 'ECONNRESET') return protocol === 'tcp' ? 'closed' : 'refused';
  if (code === 'HOST_UNRESOLVED') return 'unresolved';
  return code === 'CONNECTION_REFUSED' ? 'refused' : 'unreachable';
}

/** How a startup on a connection of its own is sent. */
export interface Exchange {
  readonly transport: Transport;
  readonly cipher: Cipher;
  /** Aborted where its answer is not waited for any longer. */
  readonly given?: AbortSignal;
}

/**
 * One startup on a connection of its own, and what comes back; the connection is closed. What it ends with is noted.
 * @throws EnrollError where the manager refuses in words, or the message counters cannot be kept
 */
export async function exchange(race: Race, { transport, cipher, given = race.parted }: Exchange): Promise<void> {
  const { conversation, sightings, outstanding } = race;
  const attempt = attemptDeadline(race.parted, race.request.timeoutMs, race.pause);
  const giveUp = () => transport.close();
  given.addEventListener('abort', giveUp);
  let ended = () => {};
  const ending = new Promise<void>((resolve) => {
    ended = resolve;
  });
  outstanding.set(transport, ending);
  const sentMs = race.elapsedMs;
  let heard = false;
  try {
    // A startup after the shutdown of the other protocol would leave the agent `pending`.
    if (race.over.aborted) return;
    await race.sendStartup(transport, cipher);
    for (;;) {
      const reply = await conversation.receive(transport, attempt.signal);
      if (reply.kind === 'closed') break;
      if (race.elapsedMs - sentMs < AT_ONCE_MS) race.quick = true;
      heard = true;
      if (reply.kind === 'acknowledged') return await race.won(transport, reply.cipher);
      race.heed('tcp', reply);
    }
    noteClosed(race, sentMs);
  } catch (thrown) {
    if (given.aborted && !race.parted.aborted) return;
    if (race.parted.aborted) {
      if (race.elapsedMs - sentMs > AT_ONCE_MS) sightings.note('tcp', 'silent');
      return;
    }
    if (isFinal(thrown)) throw thrown;
    if (attempt.signal.aborted) sightings.note('tcp', 'silent');
    // A reset says no more than a close: the next one tries again.
    else noteClosed(race, sentMs);
  } finally {
    noteFirstBytes(race, transport, heard);
    attempt.clear();
    given.removeEventListener('abort', giveUp);
    transport.close();
    outstanding.delete(transport);
    ended();
  }
}

function noteClosed(race: Race, sentMs: number): void {
  if (race.elapsedMs - sentMs < AT_ONCE_MS) race.quick = true;
  race.sightings.note('tcp', 'closed');
}

/** Whoever has spoken, and nothing that is of the protocol, is somebody else; a message that was cut off is of it. */
export function noteFirstBytes({ sightings }: Race, { firstBytes }: Transport, understood: boolean): void {
  if (!understood && !isCutOff(firstBytes)) sightings.noteStranger('tcp', strangerOf(firstBytes));
}

/** What no waiting for the key changes. That a proxy is not reached may pass. */
const PROXY_FAULTS: readonly ErrorCode[] = [
  'PROXY_REFUSED',
  'PROXY_CREDENTIALS_REFUSED',
  'NOT_PROXY',
  'CERTIFICATE_UNTRUSTED',
];

function notReached({ request, sightings, attempts, elapsedMs }: Race, cause: EnrollError): LinkError {
  const message = `The agent port of the manager (${formatEndpoint(request.endpoint)}) was not reached. ${cause.message}`;
  sightings.note('tcp', 'unreachable');
  const evidence = sightings.evidence({ authd: false, messages: attempts, waitedMs: elapsedMs });
  return new LinkError('LINK_SILENT', message, evidence, { cause, hint: cause.hint });
}
