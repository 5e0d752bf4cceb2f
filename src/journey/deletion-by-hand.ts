import { belongingsPaths } from '../keystore/belongings-files.js';
import { factsIfThere } from '../keystore/leftover-files.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { PreparedJourney } from './context.js';

/** How whoever keeps the manager deletes an agent there: the command, or the call of its REST API. */
export async function deletionByHand(journey: PreparedJourney, { id }: AgentRecord): Promise<string> {
  if (!(await isOfWazuh5(journey))) return `manage_agents -r ${id}`;
  return `DELETE /agents?agents_list=${id}&status=all&older_than=0s of its REST API (a Wazuh 5 has no manage_agents)`;
}

/** By its name, by what worked, or by what its key came with. */
async function isOfWazuh5({ settings, agent, edge, notes }: PreparedJourney): Promise<boolean> {
  if (settings.managers.some(({ https }) => https !== undefined)) return true;
  if ([...notes.notes.links.values()].some(({ protocol }) => protocol === 'https')) return true;
  return (await factsIfThere(belongingsPaths(agent).secret, edge.disk)) !== undefined;
}
