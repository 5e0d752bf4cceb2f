import { takeLock } from '../files/lock.js';
import { checkWritable } from '../keystore/client-keys.js';
import { checkCounters } from '../keystore/sender-counter.js';
import { checkConfig } from './configure.js';
import type { Journey } from './context.js';

/**
 * Runs a step that may replace this host's key, once it is certain that all that the step writes can be written: an
 * agent is created for no host that cannot keep its key. No other run is at work on these files meanwhile.
 *
 * @throws EnrollError `FILE_UNWRITABLE`, `FILE_UNREADABLE`, `CONFIG_UNCLEAR`, `ANOTHER_RUN`
 */
export async function withAgentFiles<T>(journey: Journey, step: () => Promise<T>): Promise<T> {
  const { settings, agent, edge, observe, signal } = journey;
  await checkWritable(agent, edge.keystore);
  await checkConfig(journey);
  const lock = await takeLock(agent, edge.keystore, (pid) => observe({ kind: 'waiting', pid }), signal);
  try {
    if (settings.handshake) await checkCounters(agent, edge.keystore);
    return await step();
  } finally {
    await lock.release();
  }
}
