import { EnrollError } from '../errors.js';
import { type BegunRequest, endRequest, unfinishedRequest } from '../keystore/notes/journal.js';
import type { AgentRecord } from '../model/agent-record.js';
import { DuplicateAgentError } from '../obtain/authd/refusal.js';
import type { Journey } from './context.js';

/**
 * Tells of a request of an earlier run that did not come to an end.
 * @throws EnrollError `FILE_UNREADABLE`
 */
export async function tellOfUnfinished({ agent, edge, observe }: Journey): Promise<BegunRequest | undefined> {
  const begun = await unfinishedRequest(agent, edge.keystore);
  if (begun === undefined) return undefined;
  const text = `An earlier run (${begun.startedAt}) asked ${begun.manager} for a key as ${begun.name} and did not come to an end: an agent of that name may exist there without a key on this host.`;
  observe({ kind: 'warning', text });
  return begun;
}

/**
 * Closes the journal where the key that is there works. An earlier run that was killed after it had installed this key
 * left nothing open; of any other request is told, once.
 *
 * @throws EnrollError `FILE_UNREADABLE`, `FILE_UNWRITABLE`
 */
export async function endUnfinished(journey: Journey, working: AgentRecord): Promise<void> {
  const { agent, edge } = journey;
  const begun = await unfinishedRequest(agent, edge.keystore);
  if (begun === undefined) return;
  if (begun.name !== working.name) await tellOfUnfinished(journey);
  await endRequest(agent, edge.keystore);
}

/** A name that is taken because an earlier run of this host most likely registered it, and never had the key. */
export function explainedByEarlier(error: EnrollError, earlier: BegunRequest | undefined, name: string): EnrollError {
  if (error.code !== 'NAME_DUPLICATE' || earlier?.name !== name) return error;
  const message = `${error.message} Most likely the earlier run of ${earlier.startedAt} made that agent: it asked ${earlier.manager} for this name and never had an answer.`;
  const details = {
    hint: `Look for ${name} on the manager. If it was registered then and never connected, remove it there (manage_agents -r) and run this again, or bring its key here with agent-enroll import.`,
    ...(error.managerSaid === undefined ? {} : { managerSaid: error.managerSaid }),
    cause: error,
  };
  return error instanceof DuplicateAgentError
    ? new DuplicateAgentError('NAME_DUPLICATE', message, details, error.keySent)
    : new EnrollError('NAME_DUPLICATE', message, details);
}
