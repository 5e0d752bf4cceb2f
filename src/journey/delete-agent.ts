import { abortReason, asEnrollError, EnrollError, EXIT } from '../errors.js';
import { isVouchedFor } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import { formatEndpoint } from '../model/endpoint.js';
import { pause } from '../net/deadline.js';
import type { Deletion } from '../obtain/api/delete-agent.js';
import type { ApiSettings, Settings } from '../settings/settings.js';
import { requireVouched } from '../settings/vouching.js';
import { backOff } from './back-off.js';
import type { PreparedJourney } from './context.js';
import { type AskedDeleter, agentDeleterFor } from './key-sources.js';

/**
 * Has the agent of a record deleted by the manager that has it. All managers are asked, in order, until one has done it;
 * one that cannot be reached is passed over where another answers, and asked again after a while where none does.
 *
 * @throws EnrollError what keeps the first manager from deleting it, and `SETTING_INVALID` where only a file that others can
 * change names it
 */
export async function deleteAgent(journey: PreparedJourney, api: ApiSettings, record: AgentRecord): Promise<Deletion> {
  const { settings, edge, notes, observe, signal } = journey;
  requireVouched(settings.hearsay ?? [], (endpoint) => isVouchedFor(notes.notes, endpoint));
  observe({ kind: 'method', method: 'api', why: settings.method.why });
  const deleters = await Promise.all(toAsk(settings, api).map((manager) => agentDeleterFor(journey, manager, api)));
  for (let failures = 1; ; failures++) {
    const answer = await askEach(deleters, journey, record);
    if (!(answer instanceof EnrollError)) return answer;
    if (!answer.retryable || failures > settings.retries) throw answer;
    const waitMs = backOff(failures, edge.randomNumber());
    observe({ kind: 'retrying', error: answer, waitMs });
    await pause(waitMs, signal);
    if (signal.aborted) throw abortReason(signal);
  }
}

/** An API with a URL of its own is one for all managers, whoever they are. */
function toAsk({ managers }: Settings, { url }: ApiSettings): Settings['managers'] | readonly [undefined] {
  return url === undefined ? managers : [undefined];
}

/** @returns the error of the first manager where none could be reached */
async function askEach(
  deleters: readonly AskedDeleter[],
  { observe, signal }: PreparedJourney,
  record: AgentRecord,
): Promise<Deletion | EnrollError> {
  const answers: Deletion[] = [];
  const failed: { readonly where: string; readonly error: EnrollError }[] = [];
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
      failed.push({ where: formatEndpoint(endpoint), error });
    }
  }
  const answer = answers.find(({ kind }) => kind === 'another') ?? answers[0];
  const [first] = failed;
  if (answer === undefined) return first?.error ?? new EnrollError('MANAGER_MISSING', 'No manager is named.');
  for (const { where, error } of failed) {
    observe({ kind: 'warning', text: `${where} was not asked for this agent: ${error.message}` });
  }
  return answer;
}
