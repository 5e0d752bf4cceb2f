import { identifyEdge, type JourneyEdge } from './edge.js';
import { EnrollError } from './errors.js';
import type { Observe } from './events.js';
import { refuseManagerHome } from './host/agent-home.js';
import type { AgentInstallation, Host } from './host/host.js';
import { identify } from './host/identify.js';
import { checkWritable, installKey } from './keystore/install.js';
import { readInstalled } from './keystore/installed.js';
import type { AgentRecord } from './keystore/record.js';
import { resetCounters } from './keystore/sender-counter.js';
import type { LinkProof } from './link/handshake.js';
import { proveLink, requireConnected, runningDaemon } from './link-proof.js';
import { authdSource } from './obtain/authd.js';
import type { AgentKey } from './obtain/key-source.js';
import type { ManagerSettings, Settings } from './settings/settings.js';
import { knownFingerprint, rememberManager } from './trust-memory.js';

/** What a journey that went well ended with; the events told the rest. */
export interface Enrollment {
  /** False: the key that was there works, and nothing was written. */
  readonly changed: boolean;
  readonly record: AgentRecord;
  /** Absent where no handshake was asked for, or an agent daemon runs and answered for itself. */
  readonly link?: LinkProof;
}

/** A key that was loaded within this time after it was issued may still be unknown to the manager (remoted, 10 s). */
const PRESENT_KEY_WAIT_MS = 12_000;

/**
 * The journey: from "no key" to "the manager answered, encrypted with this key".
 *
 * It can be run again at any time. A key that the manager acknowledges is left alone; one that it does not acknowledge
 * although its remoted answers is replaced by a new one.
 *
 * @param agent where the agent's files lie on this host
 * @throws EnrollError, and then the old key is still there whole, unless the new one was installed
 */
export async function enroll(
  settings: Settings,
  agent: AgentInstallation,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<Enrollment> {
  const [manager] = settings.managers;
  if (manager === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');

  await refuseManagerHome(agent, edge.system);
  const host = await identifyHost(settings, manager, agent, edge, observe, signal);
  await checkWritable(agent, edge.keystore);

  const present = await presentKey(settings, agent, edge);
  if (present !== undefined && !settings.force) {
    const works = await provePresent(present, manager, settings, agent, edge, observe, signal);
    if (works !== 'refused') return { changed: false, record: present, ...works };
  }

  const key = await obtainKey(host, present, manager, settings, edge, observe, signal);

  const installed = await installKey(key.record, agent, edge.keystore);
  await resetCounters(agent, [key.record.id, ...(present === undefined ? [] : [present.id])], edge.keystore);
  await rememberManager(agent, manager.enrollment, key.trust, edge.keystore);
  observe({ kind: 'installed', keysFile: installed.keysFile });

  if (!settings.handshake) return { changed: true, record: key.record };
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    throw new EnrollError(
      'AGENT_RESTART_NEEDED',
      'The new key is installed, but the agent daemon runs with the one before.',
    );
  }
  const link = await proveLink(
    {
      record: key.record,
      manager,
      agent,
      ...(key.family === undefined ? {} : { family: key.family }),
      waitMs: settings.waitMs,
    },
    settings,
    edge,
    observe,
    signal,
  );
  return { changed: true, record: key.record, link };
}

async function identifyHost(
  settings: Settings,
  manager: ManagerSettings,
  agent: AgentInstallation,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<Host> {
  const asked = { name: settings.name, ip: settings.ip, manager: manager.agent };
  const host = await identify(asked, agent, identifyEdge(edge, settings.timeoutMs), signal);
  observe({ kind: 'identified', host, manager: manager.agent });
  return host;
}

/** The key that is there. With --force a broken one counts as none; without, it is an error to be looked at. */
async function presentKey(
  settings: Settings,
  agent: AgentInstallation,
  edge: JourneyEdge,
): Promise<AgentRecord | undefined> {
  try {
    return await readInstalled(agent.keysFile, edge.keystore.files);
  } catch (thrown) {
    if (settings.force && thrown instanceof EnrollError && thrown.code === 'KEYS_INVALID') return undefined;
    throw thrown;
  }
}

/** Whether the key that is there works. `refused`: the manager is there and does not know it. */
async function provePresent(
  record: AgentRecord,
  manager: ManagerSettings,
  settings: Settings,
  agent: AgentInstallation,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<{ readonly link?: LinkProof } | 'refused'> {
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  if (!settings.handshake) return {};
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    requireConnected(daemon);
    return {};
  }
  try {
    const waitMs = Math.min(settings.waitMs, PRESENT_KEY_WAIT_MS);
    return { link: await proveLink({ record, manager, agent, waitMs }, settings, edge, observe, signal) };
  } catch (thrown) {
    // A closed port or a dead network says nothing about the key: to enroll again then would leave a ghost behind.
    if (thrown instanceof EnrollError && thrown.code === 'LINK_NOT_ACKNOWLEDGED') {
      observe({
        kind: 'warning',
        text: `The manager does not acknowledge the key that is there (agent ${record.id} ${record.name}): enrolling again.`,
      });
      return 'refused';
    }
    throw thrown;
  }
}

async function obtainKey(
  host: Host,
  present: AgentRecord | undefined,
  manager: ManagerSettings,
  settings: Settings,
  edge: JourneyEdge,
  observe: Observe,
  signal: AbortSignal,
): Promise<AgentKey> {
  const { enrollment: endpoint } = manager;
  const firstUse = await knownFingerprint(host.agent, endpoint, edge.keystore);
  const source = authdSource({
    endpoint,
    trust: { ...settings.trust, ...(firstUse === undefined ? {} : { firstUse }) },
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.clientCertificate === undefined ? {} : { clientCertificate: settings.clientCertificate }),
    dial: edge.dial(settings.timeoutMs),
    timeoutMs: settings.timeoutMs,
  });
  observe({ kind: 'asking', method: source.method, endpoint, name: host.name.name });
  const key = await source.obtain(
    {
      name: host.name.name,
      ip: host.address.register,
      groups: settings.groups,
      ...(present === undefined ? {} : { present }),
    },
    signal,
  );
  observe({ kind: 'obtained', key });
  return key;
}
