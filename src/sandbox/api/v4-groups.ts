import { viewOf } from '../agent-table.js';
import type { ApiAnswer } from './exchange.js';
import { may } from './users.js';
import { agentFault } from './v4-agents.js';
import { badRequest, denied, done, type FrameworkError, listed, NO_GROUP, refused, type V4Call } from './v4-answer.js';
import { isAgentId, isGroupName, readBody } from './v4-fields.js';

const ALREADY: FrameworkError = { code: 1751, message: 'Agent already belongs to the group' };
const GROUP_EXISTS: FrameworkError = { code: 1711, message: 'The group already exists' };
const LIST_MESSAGES = {
  all: 'All selected groups information was returned',
  some: 'Some groups information was not returned',
  none: 'No group information was returned',
};

/** `PUT /agents/{id}/group/{group}`. The group is looked for first, then the agent. */
export function assign(call: V4Call, [id = '', group = '']: readonly string[]): ApiAnswer {
  const { request, state, user } = call;
  const [idFault, groupFault] = [isAgentId(id), isGroupName(group)];
  if (idFault !== undefined) return badRequest(`${idFault} - 'agent_id'`);
  if (groupFault !== undefined) return badRequest(`${groupFault} - 'group_id'`);
  if (!may(user, 'agent:modify_group')) return denied('agent:id', state);
  if (!may(user, 'group:modify_assignments')) return denied('group:id', state);
  if (!state.groups.has(group)) return refused(404, NO_GROUP);
  const messages = {
    all: `All selected agents were assigned to ${group}`,
    some: `Some agents were not assigned to ${group}`,
    none: `No agents were assigned to ${group}`,
  };
  const agent = state.store.get(id);
  const error = agentFault(id, agent);
  if (agent === undefined || error !== undefined) {
    return listed([], error === undefined ? [] : [{ id, error }], messages);
  }
  if (agent.groups.includes(group)) return listed([], [{ id, error: ALREADY }], messages);
  const alone = request.query.get('force_single_group') === 'true';
  const now = state.store.setGroups(id, alone ? [group] : [...agent.groups, group]);
  return listed([id], [], messages, { events: [{ type: 'group assigned', agent: viewOf(now ?? agent), group }] });
}

/** `POST /groups`. */
export function createGroup({ request, state, user }: V4Call): ApiAnswer {
  const read = readBody(request, { group_id: { required: true, check: isGroupName } });
  if (!read.ok) return read.answer;
  const group = String(read.fields['group_id']);
  if (!may(user, 'group:create')) return denied('*:*', state);
  if (state.groups.has(group)) return refused(400, GROUP_EXISTS);
  state.groups.add(group);
  return done({ message: `Group '${group}' created.` }, [{ type: 'group created', group }]);
}

/** `GET /groups`: those that the user may read. */
export function listGroups({ request: { query }, state, user }: V4Call): ApiAnswer {
  const names = query.get('groups_list')?.split(',');
  if (!may(user, 'group:read')) return names === undefined ? listed([], [], LIST_MESSAGES) : denied('group:id', state);
  const failures = (names ?? []).filter((name) => !state.groups.has(name)).map((id) => ({ id, error: NO_GROUP }));
  const items = [...state.groups]
    .filter((name) => names === undefined || names.includes(name))
    .map((name) => ({ name, count: state.store.list().filter(({ groups }) => groups.includes(name)).length }));
  return listed(items, failures, LIST_MESSAGES);
}
