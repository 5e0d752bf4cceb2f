import { abortReason, asEnrollError, EnrollError, EXIT } from '../errors.js';
import { isVouchedFor } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import { pause } from '../net/deadline.js';
import type { Deletion } from '../obtain/api/delete-agent.js';
import type { ApiSettings, Settings } from '../settings/settings.js';
import { requireVouched } from '../settings/vouching.js';
import { type AskedDeleter, agentDeleterFor } from './agent-deleters.js';
import { backOff } from './back-off.js';
import type { PreparedJourney } from './context.js';
import { apiUrl } from './key-sources.js';

/**
 * Has the agent of a record deleted by the manager that has it.
 * @throws EnrollError as {@link deleteByOne}, and `SETTING_INVALID` where only a file that others can change names a manager
 */
export async function deleteAgent(journey: PreparedJourney, api: ApiSettings, record: AgentRecord): Promise<Deletion> {
  const { settings, notes, observe } = journey;
  requireVouched(settings.hearsay ?? [], (endpoint) => isVouchedFor(notes.notes, endpoint));
  observe({ kind: 'method', method: 'api', why: settings.method.why });
  const deleters = toAsk(settings, api).map((url) => agentDeleterFor(journey, url, api));
  return await deleteByOne(deleters, journey, record);
}

/**
 * Asks all managers, in order, until one has deleted the agent. Where none has, and not all could be reached, they are
 * asked again after a while.
 *
 * @throws EnrollError what keeps the first manager from deleting it, and `ANSWER_LOST` where it may have done so all the same
 */
export async function deleteByOne(
  deleters: readonly AskedDeleter[],
  journey: PreparedJourney,
  record: AgentRecord,
): Promise<Deletion> {
  const { settings, edge, observe, signal } = journey;
  for (let failures = 1; ; failures++) {
    const answer = await askEach(deleters, journey, record);
    if (!(answer instanceof EnrollError)) return answer;
    if (!answer.retryable || failures > settings.retries) throw withOpen(deleters, answer, record);
    const waitMs = backOff(failures, edge.randomNumber());
    observe({ kind: 'retrying', error: answer, waitMs });
    await pause(waitMs, signal);
    if (signal.aborted) throw abortReason(signal);
  }
}

/** That nobody can be reached any more tells nothing of a request that was sent before. */
function withOpen(deleters: readonly AskedDeleter[], error: EnrollError, { id, name }: AgentRecord): EnrollError {
  if (!deleters.some(({ deleter }) => deleter.isOpen)) return error;
  const message = `${error.message} The request to delete agent ${id} ${name} had been sent before, and its answer was lost.`;
  return new EnrollError('ANSWER_LOST', message, {
    hint: 'Run the same command again: it looks first whether the manager still has the agent. Its key is in its place until then.',
    cause: error,
  });
}

/** The URLs of the managers' APIs. An API with a URL of its own is one for all managers, whoever they are. */
function toAsk({ managers }: Settings, api: ApiSettings): readonly string[] {
  return api.url === undefined ? managers.map((manager) => apiUrl(api, manager)) : [api.url];
}

/** @returns the error of the first manager that could not be asked, where none has deleted it: it may be the one */
async function askEach(
  deleters: readonly AskedDeleter[],
  { observe, signal }: PreparedJourney,
  record: AgentRecord,
): Promise<Deletion | EnrollError> {
  const answers: Deletion[] = [];
  let failed: EnrollError | undefined;
  for (const { deleter, endpoint } of deleters) {
    observe({ kind: 'retiring', endpoint, record });
    try {
      const answer = await deleter.remove(record, signal);
      if (answer.kind === 'deleted') return answer;
      answers.push(answer);
    } catch (thrown) {
      if (signal.aborted) throw abortReason(signal);
      const error = asEnrollError(thrown);
      if (!error.retryable && error.exitCode !== EXIT.unreachable) throw error;
      failed ??= error;
    }
  }
  const answer = answers.find(({ kind }) => kind === 'another') ?? answers[0];
  return failed ?? answer ?? new EnrollError('MANAGER_MISSING', 'No manager is named.');
}
