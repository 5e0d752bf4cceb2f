import { EnrollError } from '../errors.js';
import { refuseManagerHome } from '../host/agent-home.js';
import { identify } from '../host/identify.js';
import { rememberAcknowledged } from '../keystore/notes/acknowledged.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Host } from '../model/host.js';
import { DuplicateAgentError } from '../obtain/authd/refusal.js';
import type { ManagerSettings } from '../settings/settings.js';
import { assignGroups } from './assign-groups.js';
import { proveInstalled } from './conclude.js';
import { writeConfig } from './configure.js';
import type { Journey } from './context.js';
import { identifyRequest } from './identify-request.js';
import { asItself, bindKey } from './identity.js';
import { installAgentKey } from './install.js';
import { identifyEdge } from './journey-edge.js';
import { withAgentFiles } from './prepare.js';
import { type PresentKey, presentKey, proveAgain } from './present-key.js';
import type { ManagerLink } from './prove.js';
import { requestKey } from './request-key.js';
import { endUnfinished } from './unfinished-request.js';

/** What a journey that went well ended with; the events told the rest. */
export interface Enrollment {
  /** False: the key that was there works, and nothing was written. */
  readonly changed: boolean;
  readonly record: AgentRecord;
  /** Absent where no handshake was asked for, or an agent daemon runs and answered for itself. */
  readonly link?: ManagerLink;
}

/**
 * The journey: from "no key" to "the manager answered, encrypted with this key".
 *
 * It can be run again at any time, by several at once. A key that the manager acknowledges is left alone; one that it
 * does not acknowledge although it is there is replaced by a new one.
 *
 * @throws EnrollError, and then the old key is still there whole, unless the new one was installed
 */
export async function enroll(journey: Journey): Promise<Enrollment> {
  const { settings, agent, edge } = journey;
  const [manager] = settings.managers;
  if (manager === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');

  await refuseManagerHome(agent, edge.system);
  return await withAgentFiles(journey, async () => {
    // A key that works is kept whatever this host is called by now.
    const present = await presentKey(journey);
    if (present.works) return await keep(journey, present.record, present.link);
    const host = await identifyHost(journey, manager);
    try {
      return await enrollAnew(journey, host, present);
    } catch (thrown) {
      // A manager that refuses the name because of the very key that is there, as the request showed it.
      if (!(thrown instanceof DuplicateAgentError) || !thrown.keySent || present.record === undefined) throw thrown;
      return await keep(journey, present.record, await proveAgain(journey, present.record, thrown));
    }
  });
}

async function enrollAnew(journey: Journey, host: Host, present: PresentKey): Promise<Enrollment> {
  const { record: before, copied } = present;
  const self = await asItself(journey, host, copied);
  const issued = await requestKey(journey, self, before);
  const { record, trust, endpoint, family } = issued.key;
  await installAgentKey(journey, record, before ?? copied, { trust, enrollment: endpoint, copied });
  await assignGroups(journey, issued);
  const link = await proveInstalled(journey, record, { changed: true, issuer: issued.manager, family });
  return { changed: true, record, ...linkOf(link) };
}

async function keep(journey: Journey, record: AgentRecord, link: ManagerLink | undefined): Promise<Enrollment> {
  const { settings, agent, edge, signal } = journey;
  // Without a handshake nobody knows whether the key works.
  if (settings.handshake) await endUnfinished(journey, record);
  if (settings.machineBinding) await bindKey(agent, record, edge, signal);
  if (link !== undefined) await rememberAcknowledged(agent, record, edge.keystore);
  await writeConfig(journey, link);
  return { changed: false, record, ...linkOf(link) };
}

async function identifyHost(
  { settings, agent, edge, observe, signal }: Journey,
  manager: ManagerSettings,
): Promise<Host> {
  const asked = identifyRequest(settings, manager);
  const host = await identify(asked, agent, identifyEdge(edge, settings.timeoutMs), signal);
  observe({ kind: 'identified', host, manager: manager.agent });
  return host;
}

function linkOf(link: ManagerLink | undefined): { readonly link?: ManagerLink } {
  return link === undefined ? {} : { link };
}
