import { EnrollError } from '../errors.js';
import { readInstalled } from '../keystore/installed.js';
import { wasAcknowledged } from '../keystore/notes/acknowledged.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Journey } from './context.js';
import { checkBinding } from './identity.js';
import { type ManagerLink, proveLinkAtAny, requireConnected, runningDaemon } from './prove.js';

/** The key that is on this host already, if any, and whether it is to be kept. */
export type PresentKey =
  | { readonly works: true; readonly record: AgentRecord; readonly link?: ManagerLink; readonly copied?: never }
  /** No key, a key that the manager does not acknowledge, or one that is to be replaced in any case. */
  | { readonly works: false; readonly record?: AgentRecord; readonly copied?: never }
  /** A key of another machine, of which this one is a copy: not to be used, nor shown to a manager. */
  | { readonly works: false; readonly copied: AgentRecord; readonly record?: never };

/** A key that was issued a moment ago may still be unknown to a manager (remoted reads new keys every 10 s). */
const PRESENT_KEY_WAIT_MS = 12_000;

/**
 * Looks for a key and finds out whether the manager acknowledges it.
 *
 * @throws EnrollError where the network or the agent, not the key, is what does not work: to enroll again then would
 * leave a ghost on the manager
 */
export async function presentKey(journey: Journey): Promise<PresentKey> {
  const { settings, agent, edge, observe, signal } = journey;
  const record = await readPresent(journey);
  if (record === undefined) return { works: false };
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  if (settings.machineBinding && (await checkBinding(agent, record, edge, signal)) === 'other') {
    return { works: false, copied: record };
  }
  if (settings.force) return { works: false, record };
  if (!settings.handshake) return { works: true, record };
  const daemon = await runningDaemon(agent, edge, observe, signal);
  if (daemon !== undefined) {
    requireConnected(daemon);
    return { works: true, record };
  }
  try {
    const waitMs = Math.min(settings.waitMs, PRESENT_KEY_WAIT_MS);
    return { works: true, record, link: await proveLinkAtAny(journey, settings.managers, { record, waitMs }) };
  } catch (thrown) {
    if (!(thrown instanceof EnrollError) || !(await isTheKey(journey, record, thrown))) throw thrown;
    observe({ kind: 'rejected', record });
    return { works: false, record };
  }
}

/**
 * Whether it is the key that does not work. Silence alone tells that only of a key that was acknowledged before: a
 * firewall that drops UDP would else cost an OSSEC manager one more renamed duplicate with each run.
 */
async function isTheKey({ agent, edge }: Journey, record: AgentRecord, { code }: EnrollError): Promise<boolean> {
  if (code === 'LINK_NOT_ACKNOWLEDGED') return true;
  return code === 'LINK_UNANSWERED' && (await wasAcknowledged(agent, record, edge.keystore));
}

/**
 * Waits for the acknowledgement of a key that the manager's authd says it knows.
 * @throws EnrollError the refusal, where the link does not work all the same
 */
export async function proveAgain(journey: Journey, record: AgentRecord, refusal: EnrollError): Promise<ManagerLink> {
  const { settings, agent, edge, observe, signal } = journey;
  if (!settings.handshake || (await runningDaemon(agent, edge, observe, signal)) !== undefined) throw refusal;
  try {
    return await proveLinkAtAny(journey, settings.managers, { record, waitMs: settings.waitMs });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw refusal;
  }
}

/** With --force a broken file counts as none; without, it is to be looked at by somebody. */
async function readPresent({ settings, agent, edge }: Journey): Promise<AgentRecord | undefined> {
  try {
    return await readInstalled(agent.keysFile, edge.keystore.files);
  } catch (thrown) {
    if (settings.force && thrown instanceof EnrollError && thrown.code === 'KEYS_INVALID') return undefined;
    throw thrown;
  }
}
