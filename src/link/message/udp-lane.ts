import { EnrollError } from '../../errors.js';
import { isFinal } from './attempt.js';
import { PING } from './control.js';
import { pauseAfter, pauseAfterLookup } from './pace.js';
import type { Race } from './race.js';
import { endingOf } from './tcp-attempt.js';
import type { Transport } from './transport.js';
import { isUdpWanted } from './udp-wanted.js';

/** How often a lane that has to wait looks whether its time has come. */
const LOOK_MS = 20;
/** How often `#ping` is said: the answer may be lost, and a manager that does not know it may log a line. */
const PINGS = 2;

/** Tries UDP, a message a turn, until the race is over. */
export async function udpLane(race: Race): Promise<void> {
  const { over, turns } = race;
  let transport: Transport | undefined;
  let turn: Promise<void> | undefined;
  try {
    for (let round = 0; !over.aborted; ) {
      if (!isUdpWanted(race)) {
        if (turn !== undefined) void turn.then(() => turns.giveBack());
        turn = undefined;
        await race.pause(LOOK_MS);
        continue;
      }
      await (turn ?? turns.next(over));
      turn = undefined;
      if (over.aborted) return;
      try {
        transport ??= await open(race);
        await say(race, transport, round);
        round += 1;
        turn = turns.next(over);
        await hear(race, transport, turn);
      } catch (thrown) {
        if (over.aborted) return;
        if (!(thrown instanceof EnrollError) || isFinal(thrown)) throw thrown;
        race.sightings.note('udp', endingOf(thrown, 'udp'), thrown.message);
        transport?.close();
        transport = undefined;
        if (turn === undefined) turns.giveBack();
        const unresolved = thrown.code === 'HOST_UNRESOLVED';
        await race.pause((unresolved ? pauseAfterLookup : pauseAfter)(race.elapsedMs));
      }
    }
  } finally {
    transport?.close();
  }
}

async function open(race: Race): Promise<Transport> {
  race.sightings.note('udp');
  const transport = await race.edge.open('udp', race.over);
  race.sightings.noteLocalAddress(transport.localAddress);
  return transport;
}

async function say(race: Race, transport: Transport, round: number): Promise<void> {
  const { family } = race.request;
  const mayPong = !race.sightings.pong && family !== 'ossec' && family !== 'wazuh-3';
  if (round < PINGS && mayPong) await transport.send(PING);
  if (!race.over.aborted) await race.sendStartup(transport, race.cipherFor('udp', round));
}

/** All that comes back until the next turn. @throws EnrollError where the port is closed */
async function hear(race: Race, transport: Transport, turn: Promise<void>): Promise<void> {
  const listening = new AbortController();
  void turn.then(() => listening.abort());
  for (;;) {
    try {
      const reply = await race.conversation.receive(transport, listening.signal);
      if (reply.kind === 'acknowledged') return await race.won(transport, reply.cipher);
      race.heed('udp', reply);
    } catch (thrown) {
      if (!listening.signal.aborted) throw thrown;
      if (!race.over.aborted) race.sightings.note('udp', 'silent');
      return;
    }
  }
}
