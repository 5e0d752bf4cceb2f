import { EnrollError } from '../errors.js';
import { formatEndpoint } from '../model/endpoint.js';
import type { Host } from '../model/host.js';
import type { PreparedJourney } from './context.js';
import type { KeyToReplace } from './present-key.js';
import type { IssuedKey } from './request-key.js';

/**
 * Keeps the present key where the manager shows that it still has that agent: an OSSEC manager numbers a name only if it
 * is taken (after a removal it gives the name itself again). So it was the network that did not let the key be
 * acknowledged, and the agent that was just made is one too many.
 *
 * @throws EnrollError `LINK_UNANSWERED`, with the surplus agent named for removal; the old key is in place
 */
export async function refuseSurplus(
  { settings, agent, notes }: PreparedJourney,
  host: Host,
  { key, manager }: IssuedKey,
  { record: present }: KeyToReplace,
): Promise<void> {
  const { record } = key;
  const asked = host.name.name;
  if (settings.force || present?.name !== asked || record.name === asked) return;
  await notes.update(({ request: _, ...rest }) => rest);
  const text = `The manager still has the agent ${present.id} ${present.name} of this host: it gave the new one another name, ${record.name}. So its key in ${agent.keysFile} is kept, and it is the way to ${formatEndpoint(manager.agent)} that lets no message through.`;
  throw new EnrollError('LINK_UNANSWERED', text, {
    hint: `Check that UDP gets through to the agent port, in both directions. Remove the surplus agent on the manager: manage_agents -r ${record.id}. To replace the key all the same, use --force.`,
  });
}
