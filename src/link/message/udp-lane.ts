import { EnrollError } from '../../errors.js';
import { pause } from '../../net/deadline.js';
import type { LinkProof } from '../link-proof.js';
import { attemptOver, isFinal } from './attempt.js';
import { DOUBT_MS } from './candidates.js';
import { PING } from './control.js';
import type { Reply } from './conversation.js';
import { type Race, ROUND_MS } from './race.js';
import type { Transport } from './transport.js';

/** How long TCP may try to connect before UDP is tried beside it. */
const TCP_HEAD_START_MS = 300;
/**
 * How long an open TCP port may leave startup and `#ping` unanswered before UDP is tried beside it: something else may
 * listen there, as any service beside an OSSEC manager.
 */
const TCP_DOUBT_MS = 3000;
/** How often a lane that has to wait looks whether its turn has come. */
const LOOK_MS = 20;

/** Tries UDP, a message in each possible cipher a round, until the manager acknowledges one. `undefined`: the race is over. */
export async function udpLane(race: Race): Promise<LinkProof | undefined> {
  const { over, evidence } = race;
  let transport: Transport | undefined;
  try {
    for (let round = 0; !over.aborted; ) {
      const nextRound = pause(ROUND_MS, over);
      if (!mayTry(race)) {
        await pause(LOOK_MS, over);
        continue;
      }
      try {
        evidence.note('udp', 'tried');
        transport ??= await race.edge.open('udp', over);
        const proof = await tryRound(race, transport, round, nextRound);
        if (proof !== undefined) return proof;
      } catch (thrown) {
        if (over.aborted && race.winner !== 'udp') return undefined;
        if (isFinal(thrown)) throw thrown;
        if (isRefused(thrown)) evidence.note('udp', 'refused');
        transport?.close();
        transport = undefined;
      }
      round += 1;
      await nextRound;
    }
    return undefined;
  } finally {
    transport?.close();
  }
}

/** Where TCP is open the manager takes its agents there: UDP is tried only when that has led nowhere for long. */
function mayTry({ request, tcp, elapsedMs, evidence }: Race): boolean {
  if (request.protocol === 'udp' || request.family === 'ossec') return true;
  if (tcp === 'refused') return true;
  if (tcp === 'untried') return elapsedMs > TCP_HEAD_START_MS;
  return elapsedMs > (evidence.pong ? DOUBT_MS : TCP_DOUBT_MS);
}

/** One startup in each cipher, and all that comes back until the next round is due. */
async function tryRound(
  race: Race,
  transport: Transport,
  round: number,
  nextRound: Promise<void>,
): Promise<LinkProof | undefined> {
  if (round < 3 && !race.evidence.pong && race.request.family !== 'ossec') await transport.send(PING);
  for (const cipher of race.candidates('udp', round)) {
    if (race.over.aborted) return undefined;
    await race.sendStartup(transport, cipher);
  }
  const listening = new AbortController();
  void nextRound.then(() => listening.abort(attemptOver()));
  for (;;) {
    let reply: Reply;
    try {
      reply = await race.conversation.receive(transport, listening.signal);
    } catch (thrown) {
      if (listening.signal.aborted) return undefined;
      throw thrown;
    }
    if (reply.kind === 'acknowledged') return await race.won(transport, reply.cipher);
    if (reply.kind === 'closed') return undefined;
    race.heed('udp', reply);
  }
}

function isRefused(thrown: unknown): boolean {
  return thrown instanceof EnrollError && thrown.code === 'CONNECTION_REFUSED';
}
