import { ENOUGH_REFUSALS } from './conclusion.js';
import { ping } from './ping.js';
import { AT_ONCE_MS, type Race } from './race.js';
import { testRefusal } from './refusal-test.js';

/** When `#ping` is said again where it was not answered: a manager may be starting. It doubles. */
const PING_AGAIN_MS = 5000;
/** Between two looks at a port that is known by now. */
const LOOK_AGAIN_MS = 2000;

/**
 * Finds out who takes the TCP connections while the key is not acknowledged: a remoted that answers `#ping`, one that
 * refuses the message, or somebody else. It goes on to the end, for what was there may go.
 */
export async function watchTcp(race: Race): Promise<void> {
  const { sightings, over } = race;
  let pingMs = mayKnowPing(race) ? 0 : Number.POSITIVE_INFINITY;
  while (!over.aborted) {
    if (race.elapsedMs >= pingMs && refusals(race) < ENOUGH_REFUSALS) {
      const saidMs = race.elapsedMs;
      if (await ping(race, 'tcp', over)) {
        if (race.elapsedMs - saidMs < AT_ONCE_MS) race.quick = true;
        sightings.notePong('tcp');
        return;
      }
      pingMs = Math.max(PING_AGAIN_MS, 2 * race.elapsedMs);
    }
    const before = refusals(race);
    await testRefusal(race);
    if (sightings.of('tcp')?.stranger !== undefined) return;
    const after = refusals(race);
    if (after <= before || after >= ENOUGH_REFUSALS) await race.pause(LOOK_AGAIN_MS);
  }
}

function mayKnowPing({ request: { family } }: Race): boolean {
  return family !== 'ossec' && family !== 'wazuh-3';
}

function refusals({ sightings }: Race): number {
  return sightings.of('tcp')?.refusals ?? 0;
}
