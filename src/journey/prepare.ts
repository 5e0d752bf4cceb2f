import { EnrollError, systemCode } from '../errors.js';
import { removeDirectories } from '../files/directories.js';
import { type Lock, takeLock } from '../files/lock.js';
import { refuseManagerHome } from '../host/agent-home.js';
import { checkWritable } from '../keystore/client-keys.js';
import { narrowFiles } from '../keystore/modes.js';
import { ensureNotesDirectory, notesDirectory, removableBy } from '../keystore/notes/notes-directory.js';
import { openNotes } from '../keystore/notes/notes-file.js';
import { checkCounters } from '../keystore/sender-counter.js';
import { checkConfig } from './configure.js';
import type { Journey, PreparedJourney } from './context.js';

/**
 * Runs steps that may replace this host's key, once it is certain that what they write in any case can be written. No
 * other run is at work on these files meanwhile. Whether a key can be replaced is {@link rehearseKey}'s to find out.
 *
 * @throws EnrollError `MANAGER_HOME`, `FILE_UNWRITABLE`, `FILE_UNREADABLE`, `CONFIG_UNCLEAR`, `ANOTHER_RUN`
 */
export async function prepared<T>(journey: Journey, steps: (journey: PreparedJourney) => Promise<T>): Promise<T> {
  const { agent, edge, observe } = journey;
  await refuseManagerHome(agent, edge.system);
  return await alone(journey, async (locked) => {
    // Under the lock: another run removes what it takes for the litter of a killed one.
    await checkConfig(journey);
    const unsafe = await removableBy(agent, edge.disk);
    if (unsafe !== undefined) observe({ kind: 'warning', text: unsafe });
    const notes = await openNotes(agent, edge.disk);
    await checkCounters(agent, edge.disk);
    for (const text of await narrowFiles(agent, edge.disk)) observe({ kind: 'warning', text });
    return await steps({ ...locked, notes });
  });
}

/**
 * Makes sure that a key can be put in place, before anybody is asked for one: an agent is created for no host that cannot
 * keep its key. A key that works needs no writing, so this is asked only where there is none.
 *
 * @throws EnrollError `FILE_UNWRITABLE`, `FILE_UNREADABLE`
 */
export async function rehearseKey({ agent, edge }: PreparedJourney): Promise<void> {
  await checkWritable(agent, edge.disk);
}

/**
 * Runs steps while no other run is at work on this agent's files. The signal of the journey that they are given ends
 * them as well where the lock is lost.
 *
 * @throws EnrollError `ANOTHER_RUN`, `FILE_UNWRITABLE`, and what the steps throw
 */
export async function alone<T>(journey: Journey, steps: (journey: Journey) => Promise<T>): Promise<T> {
  const { edge, signal } = journey;
  const made: string[] = [];
  try {
    const lock = await lockOf(journey, made);
    try {
      return await steps({ ...journey, signal: AbortSignal.any([signal, lock.lost]) });
    } finally {
      await lock.release();
    }
  } finally {
    // Those that something was put into stay.
    await removeDirectories(made, edge.disk);
  }
}

const TRIES = 100;

/** Another run takes the directory away where it has nothing to keep in it, be it in this very moment. */
async function lockOf({ agent, edge, observe, signal }: Journey, made: string[]): Promise<Lock> {
  const waiting = (pid: number) => observe({ kind: 'waiting', pid });
  for (let tries = 1; ; tries += 1) {
    const wide = await ensureNotesDirectory(agent, made, edge.disk);
    if (wide !== undefined) observe({ kind: 'warning', text: wide });
    try {
      return await takeLock(notesDirectory(agent), edge.disk, waiting, signal);
    } catch (thrown) {
      if (tries === TRIES || !(thrown instanceof EnrollError) || systemCode(thrown.cause) !== 'ENOENT') throw thrown;
    }
  }
}
