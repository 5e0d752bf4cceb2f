import ipaddr from 'ipaddr.js';
import { isObject, textOf } from '../../model/json.js';
import { Secret } from '../../model/secret.js';
import { type RegisteredAddress, registeredAddress } from '../addresses.js';
import type { DuplicateRules } from '../agent-table.js';
import type { ApiAnswer } from './exchange.js';
import { type ApiDuplicate, registerAgent } from './register.js';
import { may } from './users.js';
import { badRequest, denied, done, type FrameworkError, refused, type V4Call } from './v4-answer.js';
import {
  type BodySchema,
  isBoolean,
  isKey,
  isName,
  isNumber,
  isObjectOf,
  isSpan,
  isSymbols,
  readBody,
  spanMs,
} from './v4-fields.js';

const NAME_LIMIT = 128;
const ONE_HOUR = '1h';

const ADD: BodySchema = { name: { required: true, check: isName }, ip: { check: isSymbols } };
const INSERT: BodySchema = {
  ...ADD,
  id: { check: isNumber },
  key: { check: isKey },
  force: {
    check: isObjectOf({
      enabled: isBoolean,
      disconnected_time: isObjectOf({ enabled: isBoolean, value: isSpan }),
      after_registration_time: isSpan,
    }),
  },
};

interface Wanted {
  readonly name: string;
  readonly ip: string;
  readonly id?: string;
  readonly key?: Secret;
  readonly duplicates: DuplicateRules;
}

/** `POST /agents`: a duplicate is never replaced. */
export function addAgent(call: V4Call): ApiAnswer {
  return fromBody(call, ADD);
}

/** `POST /agents/insert`, which may fix the id and the key, and replace others by `force`. */
export function insertAgent(call: V4Call): ApiAnswer {
  return fromBody(call, INSERT);
}

/** `POST /agents/insert/quick?agent_name=`. */
export function insertQuick(call: V4Call): ApiAnswer {
  const name = call.request.query.get('agent_name');
  if (name === null) return badRequest("Missing query parameter 'agent_name'");
  const fault = isName(name);
  return fault === undefined
    ? register(call, { name, ip: 'any', duplicates: { kind: 'refuse' } })
    : badRequest(`${fault} - 'agent_name'`);
}

function fromBody(call: V4Call, schema: BodySchema): ApiAnswer {
  const read = readBody(call.request, schema);
  if (!read.ok) return read.answer;
  const { name, ip, id, key, force } = read.fields;
  return register(call, {
    name: String(name),
    ip: typeof ip === 'string' ? ip : 'any',
    ...(typeof id === 'string' ? { id: id.padStart(3, '0') } : {}),
    ...(typeof key === 'string' ? { key: new Secret(key) } : {}),
    duplicates: forced(force),
  });
}

function register({ state, user }: V4Call, { ip, ...wanted }: Wanted): ApiAnswer {
  if (!may(user, 'agent:create')) return denied('*:*', state);
  if (wanted.name.length > NAME_LIMIT) {
    return refused(400, {
      code: 1738,
      message: 'Agent name is too long',
      remediation: `Max length allowed for agent name is ${NAME_LIMIT}`,
    });
  }
  const address = addressOf(ip);
  if (address === undefined) return refused(400, taken('IP', ip));
  if (!state.authdReachable) {
    return refused(400, {
      code: 1726,
      message: 'Wazuh authd is not running',
      remediation: 'Please enable authd or check if there is any error',
    });
  }
  const outcome = registerAgent(state, { ...wanted, address });
  if (outcome.ok) return done({ data: outcome.data }, outcome.events);
  return refused(400, taken(outcome.why, { name: wanted.name, IP: ip, ID: wanted.id ?? '' }[outcome.why]));
}

// One code and one text for an address that another agent has and for one that is none (4.14).
function taken(what: ApiDuplicate, value: string): FrameworkError {
  const orInvalid = what === 'IP' ? ' or the IP is invalid' : '';
  return {
    code: { name: 1705, IP: 1706, ID: 1708 }[what],
    message: `There is an agent with the same ${what}${orInvalid}: ${value}`,
    remediation: `Please choose another ${what}`,
  };
}

// `ANY` is stored as it is, and no agent can ever use it; a range with host bits is refused. What is sent is what the
// answer's key has, whatever the manager makes of it (4.14).
function addressOf(ip: string): RegisteredAddress | undefined {
  if (/^any$/i.test(ip)) return { shown: ip, stored: ip };
  const address = registeredAddress(ip, 'wazuh-4');
  if (address === undefined || hasHostBits(address.stored)) return undefined;
  return { shown: ip, stored: address.stored };
}

function hasHostBits(stored: string): boolean {
  if (!stored.includes('/')) return false;
  const [address] = ipaddr.parseCIDR(stored);
  const network = stored.includes(':')
    ? ipaddr.IPv6.networkAddressFromCIDR(stored)
    : ipaddr.IPv4.networkAddressFromCIDR(stored);
  return address.toString() !== network.toString();
}

// What is left out of `force` is as in the stock configuration; without any, nothing is replaced.
function forced(force: unknown): DuplicateRules {
  if (!isObject(force) || force['enabled'] === false) return { kind: 'refuse' };
  const disconnected = isObject(force['disconnected_time']) ? force['disconnected_time'] : {};
  const regardless = disconnected['enabled'] === false;
  return {
    kind: 'replace',
    evenConnected: regardless,
    disconnectedForMs: regardless ? 0 : spanMs(textOf(disconnected['value']) ?? ONE_HOUR),
    registeredForMs: spanMs(textOf(force['after_registration_time']) ?? ONE_HOUR),
    evenSameKey: true,
  };
}
