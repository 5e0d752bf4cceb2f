import { endsWithin } from './attempt.js';
import { pauseAfter, pauseAfterLookup } from './pace.js';
import { AT_ONCE_MS, type Race } from './race.js';
import { exchange, noteFirstBytes, openTcpTo } from './tcp-attempt.js';
import type { Transport } from './transport.js';
import { watchTcp } from './watch.js';

/** How often a port is tried where somebody else than a manager has answered. */
const STRANGER_PAUSE_MS = 5000;
/** How often a silent connection is looked at, in milliseconds. */
const LOOK_MS = 50;

/** A startup on its way over a connection of its own. */
interface Attempt {
  readonly ended: Promise<void>;
  readonly giveUp: () => void;
}

/**
 * Tries TCP, one connection a message, until the race is over.
 *
 * A connection may be neither answered nor closed: remoted loses one when the number of a connection that was just closed
 * is used again (Wazuh 4.14). The next is opened beside it then, and its late answer still counts. Of two that are silent
 * the older one is given its time, for the manager may only be slow.
 *
 * @param unanswered a connection that is silent already
 */
export async function tcpLane(race: Race, unanswered?: { readonly ended: Promise<void> }): Promise<void> {
  const { over, turns, sightings } = race;
  let silent = unanswered;
  const answered = () => {
    silent = undefined;
  };
  unanswered?.ended.then(answered, answered);
  let watched = false;
  while (!over.aborted) {
    await turns.next(over);
    if (over.aborted) return;
    const transport = await openTcpTo(race);
    if (transport === undefined) {
      turns.giveBack();
      const unresolved = sightings.of('tcp')?.last === 'unresolved';
      await race.pause((unresolved ? pauseAfterLookup : pauseAfter)(race.elapsedMs));
      continue;
    }
    const attempt = begin(race, transport);
    await endsWithin(attempt.ended, AT_ONCE_MS, race.pause);
    if (!watched && !over.aborted) race.begin(watchTcp(race));
    watched = true;
    const isSilent = await staysSilent(race, attempt);
    if (isSilent && silent !== undefined) {
      attempt.giveUp();
    } else if (isSilent) {
      silent = attempt;
      attempt.ended.then(answered, answered);
    }
    if (sightings.of('tcp')?.stranger !== undefined) await race.pause(STRANGER_PAUSE_MS);
  }
}

function begin(race: Race, transport: Transport): Attempt {
  const given = new AbortController();
  const ended = exchange(race, { transport, cipher: race.cipherFor('tcp', 0), given: given.signal });
  race.begin(ended);
  return {
    ended,
    giveUp: () => {
      race.sightings.note('tcp', 'silent');
      given.abort();
    },
  };
}

/** Whether an attempt is silent for so long, where the manager is not, that the next one is to be made beside it. */
async function staysSilent(race: Race, { ended }: Attempt): Promise<boolean> {
  while (!(await endsWithin(ended, LOOK_MS, race.pause))) {
    if (race.quick || race.over.aborted) return true;
  }
  return false;
}

/**
 * Looks who is on TCP where the manager is an OSSEC, which has UDP only: nothing is sent there. That the port is closed
 * shows that the manager's host is up.
 */
export async function tcpLook(race: Race): Promise<void> {
  const { over, sightings } = race;
  while (!over.aborted) {
    const transport = await openTcpTo(race);
    if (transport !== undefined) {
      try {
        const first = race.conversation.receive(transport, race.parted).catch(() => undefined);
        const ended = await endsWithin(first, AT_ONCE_MS, race.pause);
        if (!race.parted.aborted) sightings.note('tcp', ended ? 'closed' : 'silent');
        noteFirstBytes(race, transport, false);
      } finally {
        transport.close();
      }
    }
    await race.pause(pauseAfterLookup(race.elapsedMs));
  }
}
