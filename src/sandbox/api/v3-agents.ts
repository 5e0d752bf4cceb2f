import { type Agent, type AgentState, viewOf } from '../agent-table.js';
import type { ApiAnswer } from './exchange.js';
import { MANAGER_NAME } from './exchange.js';
import { keyText } from './register.js';
import { done, fault, framework, type V3Call } from './v3-answer.js';
import { filterText, NAME, NUMBER } from './v3-fields.js';

const STATUS: Readonly<Record<AgentState, string>> = {
  never_connected: 'Never connected',
  pending: 'Pending',
  active: 'Active',
  disconnected: 'Disconnected',
};
const NO_AGENT = { code: 1701, message: 'Agent does not exist' };
const IS_MANAGER = { code: 1703, message: 'Action not available for the manager' };
const LIST_FILTERS = ['offset', 'limit', 'select', 'search', 'status', 'group', 'name', 'ip', 'pretty'];
const LIST_LIMIT = 500;

type Item = Readonly<Record<string, string | readonly string[]>>;

/** `GET /agents`: the agents, the manager as 000 among them. */
export function list({ request: { query }, state }: V3Call): ApiAnswer {
  if ([...query.keys()].some((name) => !LIST_FILTERS.includes(name))) return fault(400, 604, filterText(LIST_FILTERS));
  const search = query.get('search');
  const items = [managerItem(), ...state.store.list().map(item)]
    .filter((one) => search === null || String(one['name']).includes(search))
    .filter((one) =>
      ['name', 'ip', 'status', 'group'].every((name) => {
        const wanted = query.get(name);
        const has = one[name] ?? '';
        return wanted === null || has === wanted || (typeof has !== 'string' && has.includes(wanted));
      }),
    );
  const from = count(query.get('offset'), 0);
  const page = items.slice(from, from + count(query.get('limit'), LIST_LIMIT));
  const select = query.get('select')?.split(',');
  return done({
    items: select === undefined ? page : page.map((one) => pick(one, select)),
    totalItems: items.length,
  });
}

/** `GET /agents/name/:name`, with its case. */
export function byName({ state }: V3Call, [name]: readonly string[]): ApiAnswer {
  const agent = state.store.list().find((one) => one.name === name);
  return agent === undefined ? noAgent() : done(item(agent));
}

/** `GET /agents/:id`. */
export function byId(call: V3Call, [id = '']: readonly string[]): ApiAnswer {
  return withAgent(call, id, (agent) => done(item(agent)));
}

/** `GET /agents/:id/key`. */
export function key(call: V3Call, [id = '']: readonly string[]): ApiAnswer {
  return withAgent(call, id, (agent) => done(keyText(agent)));
}

/** `DELETE /agents/:id`: an agent that cannot be removed is a success with a failure in it. */
export function remove({ state }: V3Call, [id = '']: readonly string[]): ApiAnswer {
  if (!NUMBER.pattern.test(id)) return fault(400, NUMBER.code, `${NUMBER.text}  Field: agent_id`);
  const agent = state.store.get(id.padStart(3, '0'));
  if (agent === undefined) {
    const error = /^0+$/.test(id) ? IS_MANAGER : NO_AGENT;
    return done({ msg: 'Some agents were not removed', affected_agents: [], failed_ids: [{ id, error }] });
  }
  state.store.remove(agent.id);
  const data = { msg: 'All selected agents were removed', affected_agents: [agent.id] };
  return done(data, [{ type: 'removed', agent: viewOf(agent) }]);
}

/** `PUT /agents/restart`: what a request for an agent of that name by `PUT /agents/:name` does. */
export function restartAll({ state }: V3Call): ApiAnswer {
  const affected = state.store.list().map(({ id }) => id);
  const data = { msg: 'All selected agents were restarted', affected_agents: affected };
  return done(data, [{ type: 'agents restarted', agents: affected.length }]);
}

/** `PUT /agents/:id/group/:group`. The agent is looked for first, then the group. */
export function assign(call: V3Call, [id = '', group = '']: readonly string[]): ApiAnswer {
  const { store, groups } = call.state;
  return withAgent(call, id, (agent) => {
    if (!groups.has(group)) return framework(1710, 'The group does not exist');
    if (agent.groups.includes(group)) return framework(1751, 'Agent already belongs to the group');
    const now = store.setGroups(agent.id, [...agent.groups, group]);
    return done(`Group '${group}' added to agent '${agent.id}'.`, [
      { type: 'group assigned', agent: viewOf(now ?? agent), group },
    ]);
  });
}

/** `GET /agents/groups`. */
export function listGroups({ state }: V3Call): ApiAnswer {
  const items = [...state.groups].map((name) => ({
    name,
    count: state.store.list().filter(({ groups }) => groups.includes(name)).length,
  }));
  return done({ items, totalItems: items.length });
}

/** `PUT /agents/groups/:group`. */
export function createGroup({ state }: V3Call, [group = '']: readonly string[]): ApiAnswer {
  if (!NAME.pattern.test(group)) return fault(400, NAME.code, `${NAME.text}  Field: group_id`);
  if (state.groups.has(group)) return framework(1711, 'The group already exists');
  state.groups.add(group);
  return done(`Group '${group}' created.`, [{ type: 'group created', group }]);
}

function withAgent({ state }: V3Call, id: string, then: (agent: Agent) => ApiAnswer): ApiAnswer {
  if (!NUMBER.pattern.test(id)) return fault(400, NUMBER.code, `${NUMBER.text}  Field: agent_id`);
  if (/^0+$/.test(id)) return framework(IS_MANAGER.code, IS_MANAGER.message);
  const agent = state.store.get(id.padStart(3, '0'));
  return agent === undefined ? noAgent() : then(agent);
}

function noAgent(): ApiAnswer {
  return framework(NO_AGENT.code, NO_AGENT.message);
}

// Every agent without another group counts as one of `default` (3.13).
function item({ id, name, ip, state, groups, registeredAt }: Agent): Item {
  return {
    status: STATUS[state],
    registerIP: ip,
    group: groups.length > 0 ? groups : ['default'],
    id,
    node_name: 'unknown',
    ip,
    name,
    dateAdd: registeredAt.toISOString().slice(0, 19).replace('T', ' '),
  };
}

function managerItem(): Item {
  return { status: 'Active', registerIP: '127.0.0.1', id: '000', ip: '127.0.0.1', name: MANAGER_NAME };
}

function pick(one: Item, names: readonly string[]): Item {
  return Object.fromEntries(Object.entries(one).filter(([name]) => names.includes(name)));
}

function count(text: string | null, otherwise: number): number {
  return text !== null && NUMBER.pattern.test(text) ? Number(text) : otherwise;
}
