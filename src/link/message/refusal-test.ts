import { attemptDeadline, endsWithin, isFinal } from './attempt.js';
import type { Reply } from './conversation.js';
import { AT_ONCE_MS, type Race } from './race.js';
import { noteFirstBytes, openTcpTo } from './tcp-attempt.js';
import type { Transport } from './transport.js';

/** How long an idle connection must stay open. */
const IDLE_MS = 1000;
/** How long a message must lack its last byte without the connection being closed, beside twice the way there and back. */
const HELD_MS = 250;
/** How long all of it may take, in milliseconds. */
const TEST_MS = 6000;
/** How soon the connection must be closed once the message is whole. */
const REFUSED_WITHIN_MS = 200;

/**
 * Finds out whether it is the message of this key that connections are closed for, as a remoted without `#pong` does
 * (Wazuh 3.13): a connection of its own stays open for a second while nothing is sent, stays open while a message lacks
 * its last byte, and is closed at once, without a byte, when that has come.
 *
 * A balancer or forwarder without its manager closes an idle connection too; one that waits for the first bytes before it
 * looks for its manager, and a service with TLS, close at the first part of the message. Whoever speaks first while the
 * connection is idle tells what it is.
 *
 * The message is a startup like any other: if it is acknowledged, the link is proven.
 */
export async function testRefusal(race: Race): Promise<void> {
  const began = race.edge.now();
  const transport = await openTcpTo(race);
  if (transport === undefined) return;
  const wayMs = race.edge.now() - began;
  const test = attemptDeadline(race.parted, TEST_MS, race.pause);
  const reply = race.conversation.receive(transport, test.signal).catch((thrown: unknown): Reply | undefined => {
    if (isFinal(thrown) && !race.parted.aborted) throw thrown;
    // A connection that broke is closed; one that was given up says nothing.
    return test.signal.aborted ? undefined : { kind: 'closed' };
  });
  try {
    const idle = !(await endsWithin(reply, IDLE_MS, race.pause));
    const refused = idle && (await isMessageRefused(race, transport, reply, wayMs));
    if (refused !== undefined && !race.over.aborted) race.sightings.noteRefusal(refused);
  } catch (thrown) {
    if (isFinal(thrown) && !race.parted.aborted) throw thrown;
  } finally {
    race.outstanding.delete(transport);
    test.clear();
    transport.close();
  }
  const said = await reply;
  noteFirstBytes(race, transport, said !== undefined && said.kind !== 'closed' && said.kind !== 'unreadable');
}

/** `undefined`: nothing can be said. */
async function isMessageRefused(
  race: Race,
  transport: Transport,
  reply: Promise<Reply | undefined>,
  wayMs: number,
): Promise<boolean | undefined> {
  const { turns, over, pause } = race;
  await turns.next(over);
  if (over.aborted) return undefined;
  let early = false;
  race.outstanding.set(transport, reply);
  await race.sendStartup(transport, race.cipherFor('tcp', 0), async () => {
    early = await endsWithin(reply, HELD_MS + 2 * wayMs, pause);
  });
  const soon = await endsWithin(reply, REFUSED_WITHIN_MS, pause);
  if (!soon && !(await endsWithin(reply, AT_ONCE_MS, pause))) return undefined;
  const said = await reply;
  if (said === undefined) return undefined;
  if (said.kind === 'acknowledged') await race.won(transport, said.cipher);
  else race.heed('tcp', said);
  return soon && !early && transport.firstBytes.length === 0;
}
