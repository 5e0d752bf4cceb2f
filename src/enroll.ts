import { identifyEdge } from './edge.js';
import { abortReason, EnrollError } from './errors.js';
import { refuseManagerHome } from './host/agent-home.js';
import type { Host } from './host/host.js';
import { identify } from './host/identify.js';
import { installAgentKey } from './install-agent-key.js';
import type { Journey } from './journey.js';
import { checkWritable } from './keystore/install.js';
import { takeLock } from './keystore/lock.js';
import type { AgentRecord } from './keystore/record.js';
import { type ManagerLink, proveLinkAtAny, runningDaemon } from './link-proof.js';
import { asItself, bindKey } from './machine-binding.js';
import { proxyFor } from './net/proxy.js';
import { DuplicateAgentError } from './obtain/authd-refusal.js';
import type { AgentKey } from './obtain/key-source.js';
import { type PresentKey, presentKey, proveAgain } from './present-key.js';
import { requestKey } from './request-key.js';
import type { ManagerSettings } from './settings/settings.js';
import { checkConfig, writeConfig } from './write-config.js';

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
  const { settings, agent, edge, observe, signal } = journey;
  const [manager] = settings.managers;
  if (manager === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');

  await refuseManagerHome(agent, edge.system);
  const host = await identifyHost(journey, manager);
  await checkWritable(agent, edge.keystore);
  await checkConfig(journey);
  const lock = await takeLock(agent, edge.keystore, (pid) => observe({ kind: 'waiting', pid }), signal);
  try {
    const present = await presentKey(journey);
    if (present.works) {
      if (settings.machineBinding) await bindKey(agent, present.record, edge, signal);
      await writeConfig(journey, present.link);
      return { changed: false, record: present.record, ...linkOf(present.link) };
    }
    return await enrollAnew(journey, await asItself(journey, host, copiedOf(present)), present);
  } finally {
    await lock.release();
  }
}

async function enrollAnew(journey: Journey, host: Host, present: PresentKey): Promise<Enrollment> {
  const { settings, agent, edge, observe, signal } = journey;
  let issued: { readonly key: AgentKey; readonly manager: ManagerSettings };
  try {
    issued = await requestKey(journey, host, present.record);
  } catch (thrown) {
    // A manager that refuses the name because of the very key that is there, as the K of the request showed it.
    if (!(thrown instanceof DuplicateAgentError) || !thrown.keySent || present.record === undefined) throw thrown;
    const link = await proveAgain(journey, present.record, thrown);
    await writeConfig(journey, link);
    return { changed: false, record: present.record, ...linkOf(link) };
  }
  const { key, manager } = issued;

  const copied = copiedOf(present);
  await installAgentKey(journey, key.record, present.record ?? copied, {
    trust: key.trust,
    enrollment: key.endpoint,
    copied,
  });

  if (!settings.handshake) {
    await writeConfig(journey, { endpoint: manager.agent });
    return { changed: true, record: key.record };
  }
  if ((await runningDaemon(agent, edge, observe, signal)) !== undefined) {
    await writeConfig(journey, { endpoint: manager.agent });
    throw new EnrollError(
      'AGENT_RESTART_NEEDED',
      'The new key is installed, but the agent daemon runs with the one before.',
    );
  }
  const { family } = key;
  const others = settings.managers.filter((other) => other !== manager);
  const request = { record: key.record, waitMs: settings.waitMs, ...(family === undefined ? {} : { family }) };
  try {
    const link = await proveLinkAtAny(journey, [manager, ...others], request);
    await writeConfig(journey, link);
    return { changed: true, record: key.record, link };
  } catch (thrown) {
    if (!signal.aborted || abortReason(signal).code !== 'DEADLINE_PASSED') throw thrown;
    const text = 'The key is installed, but the manager did not acknowledge it before the deadline of the run.';
    throw new EnrollError('LINK_SILENT', text, {
      hint: 'Run agent-enroll check, or give the run more time with --deadline.',
      cause: thrown,
    });
  }
}

async function identifyHost(
  { settings, agent, edge, observe, signal }: Journey,
  manager: ManagerSettings,
): Promise<Host> {
  const viaProxy = proxyFor(manager.agent, settings.proxy) !== undefined;
  const asked = { name: settings.name, ip: settings.ip, manager: manager.agent, viaProxy };
  const host = await identify(asked, agent, identifyEdge(edge, settings.timeoutMs), signal);
  observe({ kind: 'identified', host, manager: manager.agent });
  return host;
}

function copiedOf(present: PresentKey): AgentRecord | undefined {
  return 'copied' in present ? present.copied : undefined;
}

function linkOf(link: ManagerLink | undefined): { readonly link?: ManagerLink } {
  return link === undefined ? {} : { link };
}
