import type { Agent } from '../agent-table.js';
import { type ApiAnswer, MANAGER_NAME } from './exchange.js';
import { keyText } from './register.js';
import { may } from './users.js';
import {
  badRequest,
  denied,
  type FrameworkError,
  IS_MANAGER,
  listed,
  NO_AGENT,
  refused,
  type V4Call,
  type V4State,
} from './v4-answer.js';
import { isAgentId, isNumber } from './v4-fields.js';

const LIST_LIMIT = 500;
const LIST_MAXIMUM = 100_000;
const KEY_MESSAGES = {
  all: 'Obtained keys for all selected agents',
  some: 'Some agent keys were not obtained',
  none: 'No agent keys were obtained',
};
const LIST_MESSAGES = {
  all: 'All selected agents information was returned',
  some: 'Some agents information was not returned',
  none: 'No agent information was returned',
};

/** An agent as the API shows it. */
type Item = Readonly<Record<string, unknown>>;

// What of an agent can be selected.
const FIELDS = [
  'id',
  'name',
  'ip',
  'registerIP',
  'status',
  'status_code',
  'dateAdd',
  'node_name',
  'group',
  'group_config_status',
  'manager',
  'version',
];

/** `GET /agents/{id}/key`. */
export function readKey({ state, user }: V4Call, [id = '']: readonly string[]): ApiAnswer {
  const fault = isAgentId(id);
  if (fault !== undefined) return badRequest(`${fault} - 'agent_id'`);
  if (!may(user, 'agent:read')) return denied('agent:id', state);
  const agent = state.store.get(id);
  const error = agentFault(id, agent);
  if (error !== undefined || agent === undefined) return listed([], [{ id, error: error ?? NO_AGENT }], KEY_MESSAGES);
  return listed([{ id, key: keyText(agent) }], [], KEY_MESSAGES);
}

/** Why nothing can be done with the agent of this id. */
export function agentFault(id: string, agent: Agent | undefined): FrameworkError | undefined {
  if (/^0+$/.test(id)) return IS_MANAGER;
  return agent === undefined ? NO_AGENT : undefined;
}

/** `GET /agents`: the agents that the user may read, the manager as 000 among them; names and addresses without case. */
export function list({ request: { query }, state, user }: V4Call): ApiAnswer {
  for (const name of ['limit', 'offset']) {
    const value = query.get(name);
    const fault = value === null ? undefined : isNumber(value);
    if (fault !== undefined) return badRequest(`${fault} - '${name}'`);
  }
  const limit = Number(query.get('limit') ?? LIST_LIMIT);
  if (limit === 0 || limit > LIST_MAXIMUM) return badRequest(`${limit} is not from 1 to ${LIST_MAXIMUM} - 'limit'`);
  const select = query.get('select')?.split(',');
  const unknown = select?.filter((name) => !FIELDS.includes(name)) ?? [];
  if (unknown.length > 0) {
    return refused(400, { code: 1724, message: `Not a valid select field: ${unknown.join(', ')}` });
  }
  const all = may(user, 'agent:read') ? [managerItem(state), ...state.store.list().map(itemOf)] : [];
  const ids = query.get('agents_list')?.split(',');
  const failures = (ids ?? [])
    .filter((id) => !all.some((item) => item['id'] === id))
    .map((id) => ({ id, error: NO_AGENT }));
  const items = all.filter((item) => (ids === undefined || ids.includes(String(item['id']))) && fits(item, query));
  const offset = Number(query.get('offset') ?? 0);
  const page = items.slice(offset, offset + limit);
  const shown = select === undefined ? page : page.map((item) => pick(item, select));
  return listed(shown, failures, LIST_MESSAGES, { total: items.length });
}

function fits(item: Item, query: URLSearchParams): boolean {
  const search = query.get('search')?.toLowerCase();
  if (search !== undefined && !['id', 'name', 'ip'].some((name) => lower(item[name]).includes(search))) return false;
  const group = query.get('group');
  if (group !== null && !(Array.isArray(item['group']) && item['group'].includes(group))) return false;
  const statuses = query.get('status')?.split(',');
  if (statuses !== undefined && !statuses.includes(lower(item['status']))) return false;
  return ['name', 'ip', 'registerIP'].every((name) => {
    const wanted = query.get(name);
    return wanted === null || lower(item[name]) === wanted.toLowerCase();
  });
}

function itemOf({ id, name, ip, state, groups, registeredAt }: Agent): Item {
  return {
    id,
    name,
    ip,
    registerIP: ip,
    status: state,
    status_code: 0,
    dateAdd: `${registeredAt.toISOString().slice(0, 19)}Z`,
    node_name: 'unknown',
    group_config_status: 'not synced',
    ...(groups.length > 0 ? { group: groups } : {}),
  };
}

function managerItem({ hostName, version }: V4State): Item {
  return {
    id: '000',
    name: MANAGER_NAME,
    ip: '127.0.0.1',
    registerIP: '127.0.0.1',
    status: 'active',
    status_code: 0,
    node_name: 'node01',
    group_config_status: 'synced',
    manager: hostName,
    version: `Wazuh ${version}`,
  };
}

function pick(item: Item, names: readonly string[]): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));
}

function lower(value: unknown): string {
  return String(value).toLowerCase();
}
