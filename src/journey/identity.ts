import { EnrollError } from '../errors.js';
import { identify } from '../host/identify.js';
import type { Host } from '../model/host.js';
import { withOrigin } from '../settings/origin.js';
import type { Settings } from '../settings/settings.js';
import type { PreparedJourney } from './context.js';
import { identifyRequest } from './identify-request.js';
import { identifyEdge } from './journey-edge.js';
import { asItself } from './machine-binding.js';
import type { KeyToReplace } from './present-key.js';

/**
 * Who this host is: its name and the address to register. A host that had a key goes on under the name in it, unless
 * another one was asked for; a copy of another machine gets a name of its own.
 *
 * @throws EnrollError `NAME_UNUSABLE`, `MANAGER_MISSING`, and the signal's reason
 */
export async function identity(journey: PreparedJourney, { record, agents, copied }: KeyToReplace): Promise<Host> {
  const { settings, agent, edge, observe, signal } = journey;
  const [manager] = settings.managers;
  if (manager === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');
  // Who may write that file must not choose as what root enrolls.
  const kept = settings.name === undefined && !agents ? record?.name : undefined;
  const asked = identifyRequest(kept === undefined ? settings : { ...settings, name: kept }, manager);
  const found = await identify(asked, agent, identifyEdge(edge, settings.timeoutMs), signal).catch(
    (thrown: unknown) => {
      throw ofName(settings, thrown);
    },
  );
  const host =
    kept === undefined || kept === edge.system.hostname()
      ? found
      : { ...found, name: { ...found.name, ofKey: true as const } };
  observe({ kind: 'identified', host, manager: manager.agent });
  return await asItself(journey, host, copied);
}

/** What went wrong with the name, with the place where it was asked for in front; other errors stay as they are. */
export function ofName({ nameOrigin }: Settings, thrown: unknown): unknown {
  const isAboutName = thrown instanceof EnrollError && thrown.code === 'NAME_UNUSABLE';
  return isAboutName && nameOrigin !== undefined ? withOrigin(nameOrigin, thrown) : thrown;
}
