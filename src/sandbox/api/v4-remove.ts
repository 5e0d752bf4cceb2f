import { type Agent, viewOf } from '../agent-table.js';
import type { ApiAnswer } from './exchange.js';
import { may } from './users.js';
import { agentFault } from './v4-agents.js';
import { badRequest, denied, type FrameworkError, listed, type V4Call } from './v4-answer.js';
import { isAgentId, isSpan, spanMs } from './v4-fields.js';

const MESSAGES = {
  all: 'All selected agents were deleted',
  some: 'Some agents were not deleted',
  none: 'No agents were deleted',
};
const UNFIT: FrameworkError = { code: 1731, message: 'The agent does not meet the conditions of the request' };
/** What is spared where the request does not say how long an agent must not have been seen. */
const A_WEEK = '7d';
const ALL = 'all';
const STATES: readonly string[] = ['active', 'pending', 'never_connected', 'disconnected'];

/** Since 4.3, where a status may be `all` as well. */
function requiresStatus(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 3);
}

/** `DELETE /agents`: those of the list that fit all that the request says of them. */
export function remove({ request: { query }, state, user }: V4Call): ApiAnswer {
  const ids = query.get('agents_list')?.split(',');
  const span = query.get('older_than') ?? A_WEEK;
  if (ids === undefined) return badRequest("Missing query parameter 'agents_list'");
  const statuses = query.get('status')?.split(',') ?? (requiresStatus(state.version) ? undefined : [ALL]);
  if (statuses === undefined) return badRequest("Missing query parameter 'status'");
  const known = query.has('status') && !requiresStatus(state.version) ? STATES : [ALL, ...STATES];
  const strange = statuses.find((status) => !known.includes(status));
  if (strange !== undefined) return badRequest(`'${strange}' is not one of ['${known.join("', '")}'] - 'status'`);
  for (const id of ids) {
    const fault = isAgentId(id);
    if (fault !== undefined) return badRequest(`${fault} - 'agents_list'`);
  }
  const fault = isSpan(span);
  if (fault !== undefined) return badRequest(`${fault} - 'older_than'`);
  if (!may(user, 'agent:delete')) return denied('agent:id', state);

  const name = query.get('name')?.toLowerCase();
  const now = state.clock().getTime();
  const fits = (agent: Agent) =>
    (statuses.includes(ALL) || statuses.includes(agent.state)) &&
    (name === undefined || name === agent.name.toLowerCase()) &&
    now - agent.stateSince.getTime() >= spanMs(span);
  const outcomes = ids.map((id) => {
    const agent = state.store.get(id);
    return { id, agent, error: agentFault(id, agent) ?? (agent !== undefined && fits(agent) ? undefined : UNFIT) };
  });
  const removed = outcomes.flatMap(({ agent, error }) => (error === undefined && agent !== undefined ? [agent] : []));
  for (const { id } of removed) state.store.remove(id);
  const failures = outcomes.flatMap(({ id, error }) => (error === undefined ? [] : [{ id, error }]));
  return listed(
    removed.map(({ id }) => id),
    failures,
    MESSAGES,
    { events: removed.map((agent) => ({ type: 'removed', agent: viewOf(agent) })) },
  );
}
