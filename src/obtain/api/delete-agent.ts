import { EnrollError, type ErrorDetails, EXIT } from '../../errors.js';
import { type AgentRecord, parseRecord } from '../../model/agent-record.js';
import { agentNamed, foundAgents } from './agents.js';
import { type Fault, outcomeOf } from './answer.js';
import { type ApiAccess, type BegunSession, begin } from './begin.js';
import { tellingOfExposure } from './exposure.js';
import { openApi } from './http.js';
import { apiAddress } from './url.js';

/** What a manager knows of an agent after it was asked to delete it. */
export type Deletion =
  /** It was there, with this very key, and is not any more. */
  | { readonly kind: 'deleted' }
  /** It was not there. */
  | { readonly kind: 'gone' }
  /** Another key has its id: that agent was left alone. `name` is printable. */
  | { readonly kind: 'another'; readonly name: string };

/** Who deletes agents, and remembers what was asked of one API so far. */
export interface AgentDeleter {
  /** Whether a request to delete an agent has left this host, and nobody knows what came of it. */
  readonly isOpen: boolean;
  /**
   * Deletes the agent of a record. It may be called again after a failure, and tells then what came of both.
   *
   * @throws EnrollError `API_PERMISSION_DENIED`, `MANAGER_FAULT`, `REQUEST_REFUSED`, `NOT_API`, `ANSWER_LOST` and
   * `REPLY_INVALID`, and what reaching the API and logging in throw
   */
  remove(record: AgentRecord, signal: AbortSignal): Promise<Deletion>;
}

/**
 * Deletes agents by a manager's REST API (Wazuh 3.x, 4.x and 5.x), each only where the manager has it with the id, the
 * name and the key of the record: an id alone may be that of another host by now (a manager that was set up again, a
 * machine of which this one is a copy, an agent that was deleted a moment ago). So it takes `agent:read` beside
 * `agent:delete`, and looks again before each request.
 */
export function agentDeleter(options: ApiAccess): AgentDeleter {
  /** The ids whose request has no outcome yet. */
  const open = new Set<string>();
  return {
    get isOpen() {
      return open.size > 0;
    },
    async remove(record, signal) {
      const address = apiAddress(options.url, options.trust.insecure);
      const http = tellingOfExposure(await openApi(address, options), address, options);
      try {
        const begun = await begin(address, http, options, signal);
        for (;;) {
          const known = await look(record, begun, signal);
          // An earlier request may have been carried out, and its answer lost. An id has one key at a time.
          if (known.kind !== 'there') return open.delete(record.id) ? { kind: 'deleted' } : known;
          const error = await remove(record, begun, signal);
          if (error === undefined) {
            open.delete(record.id);
            return { kind: 'deleted' };
          }
          if (error.exitCode === EXIT.answerLost) open.add(record.id);
          if (!(await begun.patience.wait(signal))) throw error;
        }
      } finally {
        await http.close();
      }
    },
  };
}

type Known = { readonly kind: 'there' } | Exclude<Deletion, { kind: 'deleted' }>;

/** Whether the manager has the agent of exactly this record. */
async function look(record: AgentRecord, begun: BegunSession, signal: AbortSignal): Promise<Known> {
  const { session, dialect, patience, where } = begun;
  for (;;) {
    const { answer } = await session.call(dialect.key(record.id), signal);
    const { data, fault } = outcomeOf(answer);
    if (fault === undefined) return compared(record, dialect.keyIn(data), where);
    if (fault.code !== NO_AGENT) throw refusal('see', record, fault, begun);
    // The key of a new agent is written with a delay, and until then there is none of that id.
    if (!(await isListed(record, begun, signal)) || !(await patience.wait(signal))) return { kind: 'gone' };
  }
}

async function isListed(
  { id, name }: AgentRecord,
  { session, dialect }: BegunSession,
  signal: AbortSignal,
): Promise<boolean> {
  const { answer } = await session.call(dialect.find(name), signal);
  return answer.kind === 'done' && agentNamed(foundAgents(answer.data), name)?.id === id.padStart(3, '0');
}

/** The key as an API gives it is the base64 of a line of client.keys; its address may be written in another way. */
function compared(record: AgentRecord, key: string | undefined, where: string): Known {
  const parsed = parseRecord(Buffer.from(key ?? '', 'base64').toString('latin1'));
  if (!parsed.ok) {
    throw new EnrollError('NOT_API', `${where} gave no key for agent ${record.id}, by which it could be told.`, {
      hint: "Look into the manager's api.log. Nothing was deleted.",
    });
  }
  const { id, name, key: its } = parsed.record;
  const same = Number(id) === Number(record.id) && name === record.name && its.reveal() === record.key.reveal();
  return same ? { kind: 'there' } : { kind: 'another', name };
}

/**
 * @returns why it was not deleted, where that may pass: asked too early, or nobody knows whether it was
 * @throws EnrollError why it was not
 */
async function remove(record: AgentRecord, begun: BegunSession, signal: AbortSignal): Promise<EnrollError | undefined> {
  const { session, dialect } = begun;
  const settled = await session.call(dialect.remove(record.id), signal);
  if (settled.kind === 'unknown') return settled.error;
  const { data, fault } = outcomeOf(settled.answer);
  // There is none: somebody else was faster.
  if (fault === undefined ? isIn(dialect.removedIn(data), record) : fault.code === NO_AGENT) return undefined;
  const error = refusal('delete', record, fault ?? NOTHING_SAID, begun);
  if (fault?.code === NOT_ELIGIBLE) return error;
  throw error;
}

function isIn(ids: readonly string[], { id }: AgentRecord): boolean {
  return ids.some((one) => Number(one) === Number(id));
}

const NO_AGENT = 1701;
/** It was not yet unseen for long enough: registered, or heard of, in this very second (4.x, older_than=0s). */
const NOT_ELIGIBLE = 1731;

/** An answer without a fault that does not have the agent either. */
const NOTHING_SAID: Fault = { status: 200, said: '' };

function refusal(
  act: 'see' | 'delete',
  { id, name }: AgentRecord,
  { code, status, said }: Fault,
  { where, quote }: BegunSession,
): EnrollError {
  const managerSaid = quote(said);
  const which = code === undefined ? `HTTP ${status}` : `error ${code}`;
  const told = managerSaid === '' ? ` (${which}).` : `. It said: "${managerSaid}" (${which}).`;
  const details: ErrorDetails = managerSaid === '' ? {} : { managerSaid };
  const agent = `agent ${id} ${name}`;
  if (code === 4000) {
    return new EnrollError('API_PERMISSION_DENIED', `The API user may not see or delete ${agent}${told}`, {
      ...details,
      hint: 'Give this API user a role with the actions agent:read and agent:delete on the agents that it may take out (agent:id:*, or agent:group:NAME).',
    });
  }
  if (code === 1726) {
    return new EnrollError('MANAGER_FAULT', `The API cannot delete ${agent}, because authd does not run${told}`, {
      ...details,
      hint: 'Start authd on the manager, and run the command again.',
    });
  }
  if (code === undefined && (status === 404 || status === 405)) {
    const call = act === 'see' ? 'show the key of an agent, by which it could be told' : 'delete an agent';
    return new EnrollError('NOT_API', `${where} has no call to ${call}${told}`, {
      ...details,
      hint: `Delete ${agent} on the manager by hand, and set the key aside on this host alone: --yes without API credentials.`,
    });
  }
  const what = act === 'see' ? 'show the key of' : 'delete';
  return new EnrollError('REQUEST_REFUSED', `The API did not ${what} ${agent}${told}`, {
    ...details,
    hint: 'Look into api.log and ossec.log on the manager for the reason.',
  });
}
