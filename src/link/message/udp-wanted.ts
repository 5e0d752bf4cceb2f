import { ENOUGH_REFUSALS } from './conclusion.js';
import type { Race } from './race.js';

/** How long TCP may try to connect before UDP is tried beside it. */
const TCP_HEAD_START_MS = 300;
/**
 * How long an open TCP port may leave startup and `#ping` unanswered before UDP is tried beside it: something else may
 * listen there, as any service beside an OSSEC manager.
 */
const TCP_DOUBT_MS = 3000;

/** What of a handshake decides. */
type Facts = Pick<Race, 'request' | 'sightings' | 'tcpOpened' | 'elapsedMs'>;

/** Whether UDP is tried: where TCP is open the manager takes its agents there, until it looks as if it did not. */
export function isUdpWanted({ request, sightings, tcpOpened, elapsedMs }: Facts): boolean {
  if (request.protocol === 'udp' || request.family === 'ossec') return true;
  const tcp = sightings.of('tcp');
  if (tcp?.last === 'refused' || tcp?.stranger !== undefined) return true;
  if (sightings.pong || (tcp?.refusals ?? 0) >= ENOUGH_REFUSALS) return sightings.pongs.includes('udp');
  // The name is looked up once for both.
  if (tcp?.last === 'unresolved') return false;
  return elapsedMs > (tcpOpened ? TCP_DOUBT_MS : TCP_HEAD_START_MS);
}
