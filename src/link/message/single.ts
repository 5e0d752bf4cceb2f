import { EnrollError } from '../../errors.js';
import { attemptDeadline, isFinal } from './attempt.js';
import type { Way } from './candidates.js';
import type { Race } from './race.js';
import { endingOf, exchange, openTcpTo } from './tcp-attempt.js';
import type { Transport } from './transport.js';

/**
 * One message by one way, over a connection or socket of its own, and what comes back within `ms` milliseconds.
 * @throws EnrollError where the manager refuses in words, or the message counters cannot be kept
 */
export async function tryWay(race: Race, { protocol, cipher }: Way, ms: number): Promise<void> {
  if (protocol === 'udp') return await tryUdp(race, cipher, ms);
  const transport = await openTcpTo(race);
  if (transport !== undefined) await exchange(race, { transport, cipher });
}

async function tryUdp(race: Race, cipher: Way['cipher'], ms: number): Promise<void> {
  const { conversation, sightings, parted, over } = race;
  const wait = attemptDeadline(parted, ms, race.pause);
  let transport: Transport | undefined;
  sightings.note('udp');
  try {
    transport = await race.edge.open('udp', wait.signal);
    sightings.noteLocalAddress(transport.localAddress);
    if (over.aborted) return;
    await race.sendStartup(transport, cipher);
    for (;;) {
      const reply = await conversation.receive(transport, wait.signal);
      if (reply.kind === 'acknowledged') return await race.won(transport, reply.cipher);
      race.heed('udp', reply);
    }
  } catch (thrown) {
    if (parted.aborted) return;
    if (!(thrown instanceof EnrollError) || isFinal(thrown)) throw thrown;
    if (wait.signal.aborted) sightings.note('udp', 'silent');
    else sightings.note('udp', endingOf(thrown, 'udp'), thrown.message);
  } finally {
    wait.clear();
    transport?.close();
  }
}
