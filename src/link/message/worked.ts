import { endsWithin } from './attempt.js';
import type { Race } from './race.js';
import { tryWay } from './single.js';

/** How long the way that worked before has for itself, in milliseconds. */
const ALONE_MS = { tcp: 1000, udp: 500 } as const;

/**
 * Sends one message by the way that worked before, and nothing else: where it is still right, that is one round trip, and
 * no line in the manager's log. Resolves when the rest is to begin; a late answer counts all the same.
 *
 * @returns resolves when a TCP connection ends that has not been answered so far
 */
export async function tryWorked(race: Race): Promise<{ readonly ended: Promise<void> } | undefined> {
  const way = race.worked;
  if (way === undefined) return undefined;
  await race.turns.next(race.over);
  const attempt = tryWay(race, way, race.request.timeoutMs);
  race.begin(attempt);
  const over = await endsWithin(attempt, ALONE_MS[way.protocol], race.pause);
  return over || way.protocol === 'udp' ? undefined : { ended: attempt };
}
