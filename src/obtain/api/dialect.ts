import { listOf, memberOf, textOf } from '../../model/json.js';
import type { Answer } from './answer.js';
import { itemsOf } from './answer.js';
import { type ApiInfo, isAtLeast } from './api-version.js';
import type { ApiRequest, RepeatableRequest } from './http.js';

/** The agent that is asked for, in the words of an API. */
export interface NewAgent {
  readonly name: string;
  /** `undefined`: left out. */
  readonly ip: string | undefined;
  /** Replace an agent that has this name or address, whatever its state. */
  readonly force: boolean;
}

/** How one generation of the API words the calls that this program needs. Nothing here is sent. */
export interface Dialect {
  add(agent: NewAgent): ApiRequest;
  /** Agents of a name; the answer may have others, see `agentNamed`. */
  find(name: string): RepeatableRequest;
  /** Agents of an address in the manager's own writing. */
  findAddress(ip: string): RepeatableRequest;
  key(id: string): RepeatableRequest;
  /** The key in the answer to `key`. */
  keyIn(data: unknown): string | undefined;
  groups(names: readonly string[]): RepeatableRequest;
  /** Which of the names are certainly no group, by the answer to `groups`. */
  unknownGroups(answer: Answer, names: readonly string[]): string[];
  assign(id: string, group: string): RepeatableRequest;
  /** Deletes an agent, whenever it was last seen, and takes its record out of the manager's client.keys. */
  remove(id: string): ApiRequest;
  /** The ids that are in the answer to `remove` as deleted. */
  removedIn(data: unknown): readonly string[];
}

/**
 * 3.x (3.13.6). Agents are added by `POST /agents` and never by `PUT /agents/:name`, which restarts every agent for one
 * that is called `restart`.
 */
export const dialect3: Dialect = {
  add({ name, ip, force }) {
    const body = { name, ...(ip === undefined ? {} : { ip }), ...(force ? { force: 0 } : {}) };
    return { method: 'POST', path: '/agents', body, once: 'creates' };
  },
  find: (name) => ({ method: 'GET', path: `/agents/name/${encodeURIComponent(name)}` }),
  findAddress: (ip) => ({ method: 'GET', path: `/agents?ip=${encodeURIComponent(ip)}` }),
  key: (id) => ({ method: 'GET', path: `/agents/${padded(id)}/key` }),
  keyIn: textOf,
  groups: () => ({ method: 'GET', path: '/agents/groups' }),
  unknownGroups(answer, names) {
    if (answer.kind !== 'done') return [];
    const known = itemsOf(answer.data).map((item) => textOf(memberOf(item, 'name')));
    // A part of the list proves nothing; every manager has the group default.
    const isWhole = memberOf(answer.data, 'totalItems') === known.length && known.includes('default');
    return isWhole ? names.filter((name) => !known.includes(name)) : [];
  },
  assign: (id, group) => ({ method: 'PUT', path: `/agents/${padded(id)}/group/${encodeURIComponent(group)}` }),
  remove: (id) => ({ method: 'DELETE', path: `/agents/${padded(id)}?purge`, once: 'deletes' }),
  removedIn: (data) => textsOf(memberOf(data, 'affected_agents')),
};

/** 4.0 and later, 5.x included. */
export function dialect4(info: ApiInfo): Dialect {
  // 4.0 to 4.2 have an integer, 4.3 and later an object; both on /agents/insert alone.
  const force = isAtLeast(info, 4, 3)
    ? {
        force: {
          enabled: true,
          disconnected_time: { enabled: false, value: '0' },
          after_registration_time: '0',
        },
      }
    : { force_time: 0 };
  // 4.3 and later require a status; 4.0 does not know `all`.
  const anyStatus = isAtLeast(info, 4, 3) ? 'all' : 'active,pending,never_connected,disconnected';
  return {
    add(agent) {
      const { name, ip } = agent;
      const body = { name, ...(ip === undefined ? {} : { ip }), ...(agent.force ? force : {}) };
      return { method: 'POST', path: agent.force ? '/agents/insert' : '/agents', body, once: 'creates' };
    },
    find: (name) => ({ method: 'GET', path: `/agents?name=${encodeURIComponent(name)}` }),
    findAddress: (ip) => ({ method: 'GET', path: `/agents?registerIP=${encodeURIComponent(ip)}` }),
    key: (id) => ({ method: 'GET', path: `/agents/${padded(id)}/key` }),
    keyIn: (data) => textOf(memberOf(itemsOf(data)[0], 'key')),
    groups: (names) => ({ method: 'GET', path: `/groups?groups_list=${names.map(encodeURIComponent).join(',')}` }),
    unknownGroups(answer, names) {
      if (answer.kind === 'refused') return answer.code === 1710 && names.length === 1 ? [...names] : [];
      if (answer.kind !== 'done') return [];
      // What may not be read is a failure of another code (4000).
      const unknown = new Set(answer.failed.filter(({ code }) => code === 1710).flatMap(({ ids }) => ids));
      return names.filter((name) => unknown.has(name));
    },
    assign: (id, group) => ({ method: 'PUT', path: `/agents/${padded(id)}/group/${encodeURIComponent(group)}` }),
    // Without older_than only what was not seen for seven days goes.
    remove: (id) => ({
      method: 'DELETE',
      path: `/agents?agents_list=${padded(id)}&status=${anyStatus}&older_than=0s&purge=true`,
      once: 'deletes',
    }),
    removedIn: (data) => textsOf(itemsOf(data)),
  };
}

function textsOf(list: unknown): readonly string[] {
  return listOf(list).filter((one) => typeof one === 'string');
}

// The API knows 001, not 1.
function padded(id: string): string {
  return id.padStart(3, '0');
}
