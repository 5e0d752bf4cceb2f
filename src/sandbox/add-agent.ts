import { EnrollError } from '../errors.js';
import { isAgentName } from '../model/agent-record.js';
import { registeredAddress } from './addresses.js';
import type { Agent, AgentStore } from './agent-table.js';
import type { NewAgent } from './sandbox-options.js';

/** Adds an agent as `manage_agents` does: nobody is replaced. @throws EnrollError with `SETTING_INVALID` if it cannot be added */
export function addAgent({ name, ip = 'any', id, key }: NewAgent, store: AgentStore): Agent {
  const address = registeredAddress(ip, 'wazuh-4');
  if (address === undefined) throw invalid(`"${ip}" is not an address of an agent`);
  if (!isAgentName(name)) throw invalid(`"${name}" is not the name of an agent`);
  if (id !== undefined && !/^\d{3,10}$/.test(id)) throw invalid(`"${id}" is not the id of an agent`);
  const added = store.insert({
    name,
    ip: address.stored,
    groups: [],
    duplicates: { kind: 'refuse' },
    ...(id === undefined ? {} : { id }),
    ...(key === undefined ? {} : { key }),
  });
  if (!added.ok) throw invalid(`agent ${added.existing.id} is in its way (${added.why})`);
  return added.agent;
}

function invalid(why: string): EnrollError {
  return new EnrollError('SETTING_INVALID', `The sandbox cannot add this agent: ${why}.`);
}
