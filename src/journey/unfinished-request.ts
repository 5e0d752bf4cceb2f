import { EnrollError } from '../errors.js';
import type { BegunRequest } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { PreparedJourney } from './context.js';

/** Tells of a request of an earlier run that did not come to an end, if there is one. */
export function tellOfUnfinished({ notes, observe }: PreparedJourney): BegunRequest | undefined {
  const { request } = notes.notes;
  if (request === undefined) return undefined;
  const text = `An earlier run (${request.startedAt}) asked ${request.manager} for a key as ${request.name} and did not come to an end: an agent of that name may exist there without a key on this host.`;
  observe({ kind: 'warning', text });
  return request;
}

/** Tells of it where it was not for this agent: a key that works leaves the request for it with nothing open. */
export function tellOfAnothers(journey: PreparedJourney, { name }: AgentRecord): void {
  const { request } = journey.notes.notes;
  if (request !== undefined && request.name !== name) tellOfUnfinished(journey);
}

/** A name that is taken because an earlier run of this host most likely registered it, and never had the key. */
export function explainedByEarlier(error: EnrollError, earlier: BegunRequest | undefined, name: string): EnrollError {
  if (error.code !== 'NAME_DUPLICATE' || earlier?.name !== name) return error;
  const message = `${error.message} Most likely the earlier run of ${earlier.startedAt} made that agent: it asked ${earlier.manager} for this name and never had an answer.`;
  return new EnrollError('NAME_DUPLICATE', message, {
    hint: `Look for ${name} on the manager. If it was registered then and never connected, remove it there (manage_agents -r) and run this again, or bring its key here with agent-enroll import.`,
    managerSaid: error.managerSaid,
    cause: error,
  });
}
