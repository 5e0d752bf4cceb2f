import { Secret } from '../../model/secret.js';
import { type RegisteredAddress, registeredAddress } from '../addresses.js';
import type { DuplicateRules } from '../agent-table.js';
import { type ApiAnswer, type ApiRequest, type ApiState, matchRoute, segmentsOf } from './exchange.js';
import { type ApiDuplicate, registerAgent } from './register.js';
import * as v3 from './v3-agents.js';
import { done, fault, framework, type V3Call } from './v3-answer.js';
import { NAME, readFields } from './v3-fields.js';

interface Route {
  readonly method: string;
  readonly path: string;
  run(call: V3Call, values: readonly string[]): ApiAnswer;
}

// The first that fits is taken: an agent cannot be called "restart" here.
const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/', run: ({ state }) => done(welcome(state)) },
  { method: 'GET', path: '/version', run: ({ state }) => done(state.version) },
  { method: 'POST', path: '/agents', run: (call) => post(call, ['name', 'ip', 'force'], ['name']) },
  {
    method: 'POST',
    path: '/agents/insert',
    run: (call) => post(call, ['name', 'ip', 'id', 'key', 'force'], ['name', 'id', 'key']),
  },
  { method: 'PUT', path: '/agents/restart', run: v3.restartAll },
  { method: 'PUT', path: '/agents/:name', run: quick },
  { method: 'GET', path: '/agents', run: v3.list },
  { method: 'GET', path: '/agents/groups', run: v3.listGroups },
  { method: 'PUT', path: '/agents/groups/:group', run: v3.createGroup },
  { method: 'GET', path: '/agents/name/:name', run: v3.byName },
  { method: 'GET', path: '/agents/:id', run: v3.byId },
  { method: 'GET', path: '/agents/:id/key', run: v3.key },
  { method: 'PUT', path: '/agents/:id/group/:group', run: v3.assign },
  { method: 'DELETE', path: '/agents/:id', run: v3.remove },
];

const NAME_LIMIT = 128;
const NO_REPLACING: DuplicateRules = { kind: 'refuse' };

// With authd running its own codes come through; without, the API adds agents by itself (3.13).
const DUPLICATE: Readonly<Record<ApiDuplicate, readonly [authd: number, text: string, alone: number, text: string]>> = {
  name: [9008, 'Duplicated name', 1705, 'There is an agent with the same name'],
  IP: [9007, 'Duplicated IP', 1706, 'There is an agent with the same IP'],
  ID: [9012, 'Duplicated ID', 1708, 'There is an agent with the same ID'],
};

/** The 3.x API, as 3.13.6 answers: Basic credentials with every request, refusals of the framework inside HTTP 200. */
export function answerV3(request: ApiRequest, state: ApiState): ApiAnswer {
  const user = state.users.withBasic(request.authorization);
  if (user === undefined) {
    return {
      status: 401,
      headers: {
        'x-powered-by': 'Express',
        'content-type': 'text/plain',
        'www-authenticate': 'Basic realm="OSSEC API"',
      },
      body: '401 Unauthorized',
    };
  }
  return { ...route({ request, state }), user: user.name };
}

function route(call: V3Call): ApiAnswer {
  const segments = segmentsOf(call.request.path);
  for (const { method, path, run } of segments === undefined ? [] : ROUTES) {
    const values = method === call.request.method ? matchRoute(path, segments ?? []) : undefined;
    if (values !== undefined) return run(call, values);
  }
  return fault(404, 603, 'The requested URL was not found on this server');
}

function welcome({ version, hostName, clock }: ApiState): object {
  return {
    msg: 'Welcome to Wazuh HIDS API',
    api_version: version,
    hostname: hostName,
    timestamp: clock().toString(),
  };
}

function post(call: V3Call, allowed: readonly string[], required: readonly string[]): ApiAnswer {
  const read = readFields(call.request, allowed, required);
  if (!read.ok) return read.answer;
  const { name = '', ip, id, key, force } = read.fields;
  // Left out: the address that the connection comes from.
  const address = registeredAddress(ip ?? call.request.source, ip === undefined ? 'wazuh-4' : 'wazuh-3');
  if (address === undefined) return fault(400, 606, 'Param not valid. IP invalid.  Field: ip');
  const more = {
    ...(id === undefined ? {} : { id: id.padStart(3, '0') }),
    ...(key === undefined ? {} : { key: new Secret(key) }),
  };
  return add(call, name, address, force === undefined ? NO_REPLACING : forced(Number(force)), more);
}

function quick(call: V3Call, [name = '']: readonly string[]): ApiAnswer {
  if (!NAME.pattern.test(name)) return fault(400, NAME.code, `${NAME.text}  Field: agent_name`);
  return add(call, name, { shown: 'any', stored: 'any' }, NO_REPLACING, {});
}

function add(
  { state }: V3Call,
  name: string,
  address: RegisteredAddress,
  duplicates: DuplicateRules,
  more: { readonly id?: string; readonly key?: Secret },
): ApiAnswer {
  if (name.length > NAME_LIMIT) {
    return framework(1738, `Agent name is too long. Max length allowed for agent name is ${NAME_LIMIT}`);
  }
  const outcome = registerAgent(state, { name, address, duplicates, ...more });
  if (outcome.ok) return done(outcome.data, outcome.events);
  const [code, text, codeAlone, textAlone] = DUPLICATE[outcome.why];
  return state.authdReachable ? framework(code, text) : framework(codeAlone, textAlone);
}

// `force: 0` replaces at once, `force: N` an agent that was not seen for N seconds.
function forced(seconds: number): DuplicateRules {
  return {
    kind: 'replace',
    evenConnected: true,
    disconnectedForMs: 0,
    unseenForMs: seconds * 1_000,
    registeredForMs: 0,
    evenSameKey: true,
  };
}
