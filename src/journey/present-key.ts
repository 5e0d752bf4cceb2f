import { EnrollError } from '../errors.js';
import { agentDaemon } from '../host/agent-daemon.js';
import { finishBelongings } from '../keystore/belongings.js';
import { installKey } from '../keystore/client-keys.js';
import { type PresentFile, readInstalled } from '../keystore/installed.js';
import { leftoverKey } from '../keystore/leftover-key.js';
import { type BegunRequest, linksOf } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import { tellOfDifferences } from './as-asked.js';
import type { Outcome } from './conclude.js';
import type { PreparedJourney } from './context.js';
import { believe, requireRestart, runningDaemon } from './daemon-word.js';
import { finishInstallation } from './install.js';
import { bind, checkBinding } from './machine-binding.js';
import { type ManagerLink, proveLinkAtAny } from './manager-link.js';

/** The key that is on this host already, if any, and whether it is to be kept. */
export type PresentKey = ({ readonly works: true } & Outcome) | KeyToReplace;

/** No key, a key that the manager does not acknowledge, or one that is to be replaced in any case. */
export interface KeyToReplace {
  readonly works: false;
  readonly record?: AgentRecord;
  /** Present: this run has put it there, after one that was killed. */
  readonly changed?: true;
  /** That client.keys was found open to others, in words. */
  readonly tooWide?: string;
  /** Present: the agent's user wrote client.keys, and may have written anything. */
  readonly agents?: true;
  /** A key of another machine, of which this one is a copy: not to be used, nor shown to a manager. */
  readonly copied?: AgentRecord;
}

/** A key that was issued a moment ago may still be unknown to a manager (remoted reads new keys every 10 s). */
export const PRESENT_KEY_WAIT_MS = 12_000;

/**
 * Looks for a key and finds out whether the manager acknowledges it. One that a killed run was about to put in place is
 * taken up.
 *
 * @throws EnrollError where the network or the agent, not the key, is what does not work: to enroll again then would
 * leave a ghost on the manager
 */
export async function tryPresentKey(journey: PreparedJourney): Promise<PresentKey> {
  await finishInstallation(journey);
  const left = await keyLeftBehind(journey);
  const file = await readPresent(journey);
  if (left === undefined) return file === undefined ? { works: false } : await tryKey(journey, file);
  if (file === undefined) {
    await putInPlace(journey, left);
    return await tryKey(journey, { record: left.record, changed: true });
  }
  // Two keys: the newer one counts if a manager says so, and no word of an agent daemon is about that one.
  if (!(await isToBeProven(journey))) return await tryKey(journey, file);
  const taken = await tryKey(journey, { record: left.record, changed: true });
  if (!taken.works) return await tryKey(journey, file);
  await putInPlace(journey, left, file.record);
  return taken;
}

/** Whether keys are tried with messages of our own. */
async function isToBeProven({ settings, agent, edge, signal }: PreparedJourney): Promise<boolean> {
  return settings.handshake && (await agentDaemon(agent, edge.system, signal)) === undefined;
}

async function tryKey(
  journey: PreparedJourney,
  present: PresentFile & { readonly changed?: true },
): Promise<PresentKey> {
  const { record, changed } = present;
  const { settings, agent, edge, notes, observe, signal } = journey;
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  const keep = async (link?: ManagerLink): Promise<PresentKey> => {
    await tellOfDifferences(journey, record);
    return { works: true, changed: false, ...present, link };
  };
  if (settings.machineBinding && (await checkBinding(notes.notes, record, edge, signal)) === 'other') {
    return { works: false, copied: record };
  }
  if (settings.force) return { works: false, ...present };
  if (!settings.handshake) return await keep();
  const daemon = await runningDaemon(journey);
  if (daemon !== undefined) {
    if (changed) await requireRestart(journey);
    await believe(journey, daemon);
    return await keep();
  }
  try {
    const waitMs = Math.min(settings.waitMs, PRESENT_KEY_WAIT_MS);
    const links = linksOf(notes.notes, record);
    return await keep(await proveLinkAtAny(journey, settings.managers, { record, notes: notes.notes, waitMs, links }));
  } catch (thrown) {
    if (!(thrown instanceof EnrollError) || !isTheKey(journey, record, thrown)) throw thrown;
    const why = `The manager does not acknowledge this key (agent ${record.id} ${record.name}), so this host enrolls again`;
    observe({ kind: 'rejected', record, why });
    return { works: false, ...present };
  }
}

/**
 * Whether it is the key that does not work, as surely as the settings ask for. What takes connections and closes them may
 * be a balancer without its manager, and silence a firewall: each would cost a good key, and the manager one more
 * duplicate. Where this very key was acknowledged before, they make it likely, and no more.
 */
function isTheKey({ settings, notes }: PreparedJourney, { id, name }: AgentRecord, { code }: EnrollError): boolean {
  if (settings.reenroll === 'never') return false;
  if (code === 'LINK_NOT_ACKNOWLEDGED') return true;
  const before = notes.notes.acknowledged === `${id} ${name}`;
  return settings.reenroll === 'likely' && code === 'LINK_UNANSWERED' && before;
}

/** With --force a broken file counts as none; without, it is to be looked at by somebody. */
async function readPresent({ settings, agent, edge }: PreparedJourney): Promise<PresentFile | undefined> {
  try {
    return await readInstalled(agent, edge.disk);
  } catch (thrown) {
    if (settings.force && thrown instanceof EnrollError && thrown.code === 'KEYS_INVALID') return undefined;
    throw thrown;
  }
}

/** A key that a manager issued, where a run was killed before it was in its place. */
interface LeftKey {
  readonly record: AgentRecord;
  /** The request that it is the answer to, which has no end. */
  readonly request: BegunRequest;
}

async function keyLeftBehind({ settings, agent, edge, notes, observe }: PreparedJourney): Promise<LeftKey | undefined> {
  const { request } = notes.notes;
  if (request === undefined || settings.force) return undefined;
  const record = await leftoverKey(agent, request.name, edge.disk);
  if (record === undefined) return undefined;
  observe({ kind: 'left', record });
  return { record, request };
}

/**
 * Its counters go on: it may have been tried already. The request is closed.
 *
 * @param before the record that it takes the place of
 */
async function putInPlace(journey: PreparedJourney, { record, request }: LeftKey, before?: AgentRecord): Promise<void> {
  const { agent, edge, notes, observe, signal } = journey;
  const copied = before !== undefined && (await checkBinding(notes.notes, before, edge, signal)) === 'other';
  await edge.uninterrupted(async () => {
    const { keysFile } = await installKey(record, agent, edge.disk);
    observe({ kind: 'installed', keysFile });
    await finishBelongings(agent, request, edge.disk);
    await notes.update(({ request: _, ...rest }) => rest);
  });
  await bind(journey, record, copied ? before : undefined);
}
