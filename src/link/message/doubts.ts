import { doubtfulWays, type Way } from './candidates.js';
import { doubtAt } from './pace.js';
import { AT_ONCE_MS, type Race } from './race.js';
import { tryWay } from './single.js';
import { isUdpWanted } from './udp-wanted.js';

/**
 * Doubts what looked certain once the wait has lasted long: what told the family may have been wrong, or the manager may
 * take its agents by another way than is tried. One message now and then, beside the others.
 */
export async function doubts(race: Race): Promise<void> {
  const { over, request } = race;
  for (let count = 0; ; count += 1) {
    await race.pause(doubtAt(count) - race.elapsedMs);
    if (over.aborted) return;
    const ways = doubtfulWays({ protocol: request.protocol, setting: request.cipher }, [...present(race)]);
    const way = ways[count % ways.length];
    if (way !== undefined) race.begin(tryWay(race, way, AT_ONCE_MS));
  }
}

/** The ways that are tried all the time. */
function* present(race: Race): Iterable<Way> {
  if (race.request.family !== 'ossec') yield { protocol: 'tcp', cipher: race.cipherFor('tcp', 0) };
  if (!isUdpWanted(race)) return;
  // Two rounds in a row have both of the ciphers that are tried in turn.
  for (const round of [1, 2]) yield { protocol: 'udp', cipher: race.cipherFor('udp', round) };
}
