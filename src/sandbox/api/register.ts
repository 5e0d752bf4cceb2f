import { formatRecord } from '../../model/agent-record.js';
import type { Secret } from '../../model/secret.js';
import type { RegisteredAddress } from '../addresses.js';
import { type Agent, type DuplicateRules, type Inserted, viewOf } from '../agent-table.js';
import type { SandboxEvent } from '../sandbox-events.js';
import { type ApiState, MANAGER_NAME } from './exchange.js';

/** An agent that is asked for through the API, valid in itself. */
export interface AgentWanted {
  readonly name: string;
  readonly address: RegisteredAddress;
  readonly id?: string;
  readonly key?: Secret;
  readonly duplicates: DuplicateRules;
}

/** The outcome of {@link registerAgent}. */
export type ApiRegistration =
  | { readonly ok: true; readonly data: { id: string; key: string }; readonly events: readonly SandboxEvent[] }
  | { readonly ok: false; readonly why: ApiDuplicate };

/** What another agent has already. */
export type ApiDuplicate = 'name' | 'IP' | 'ID';

const TAKEN: Readonly<Record<Extract<Inserted, { ok: false }>['why'], ApiDuplicate>> = {
  'duplicate name': 'name',
  'no free name': 'name',
  'duplicate IP': 'IP',
  'duplicate ID': 'ID',
};

/** Registers an agent in the store that authd has too. No agent may have the manager's name. */
export function registerAgent({ store, hostName }: ApiState, wanted: AgentWanted): ApiRegistration {
  const { name, address, id, key, duplicates } = wanted;
  if (name === MANAGER_NAME || name === hostName) return { ok: false, why: 'name' };
  const outcome = store.insert({
    name,
    ip: address.stored,
    groups: [],
    duplicates,
    ...(id === undefined ? {} : { id }),
    ...(key === undefined ? {} : { key }),
  });
  if (!outcome.ok) return { ok: false, why: TAKEN[outcome.why] };
  const agent = viewOf(outcome.agent);
  return {
    ok: true,
    data: { id: agent.id, key: keyText(outcome.agent, address.shown) },
    events: [
      ...outcome.replaced.map((old) => ({ type: 'replaced', agent, old: viewOf(old) }) as const),
      { type: 'registered', agent },
    ],
  };
}

/** The key as the API gives it: base64 of the line in client.keys; `ip` as it was sent, where that is known. */
export function keyText({ record }: Agent, ip = record.ip): string {
  return Buffer.from(formatRecord({ ...record, ip })).toString('base64');
}
