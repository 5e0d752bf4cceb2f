import { EnrollError } from '../errors.js';
import { installKey } from '../keystore/client-keys.js';
import { type PresentFile, readInstalled } from '../keystore/installed.js';
import { leftoverKey } from '../keystore/leftover-key.js';
import type { AgentRecord } from '../model/agent-record.js';
import type { Outcome } from './conclude.js';
import type { PreparedJourney } from './context.js';
import { requireConnected, runningDaemon } from './daemon-word.js';
import { checkBinding } from './machine-binding.js';
import { proveLinkAtAny } from './manager-link.js';

/** The key that is on this host already, if any, and whether it is to be kept. */
export type PresentKey = ({ readonly works: true } & Outcome) | KeyToReplace;

/** No key, a key that the manager does not acknowledge, or one that is to be replaced in any case. */
export interface KeyToReplace {
  readonly works: false;
  readonly record?: AgentRecord;
  /** That client.keys was found open to others, in words. */
  readonly tooWide?: string;
  /** A key of another machine, of which this one is a copy: not to be used, nor shown to a manager. */
  readonly copied?: AgentRecord;
}

/** A key that was issued a moment ago may still be unknown to a manager (remoted reads new keys every 10 s). */
const PRESENT_KEY_WAIT_MS = 12_000;

/**
 * Looks for a key and finds out whether the manager acknowledges it. One that a killed run was about to put in place is
 * taken up.
 *
 * @throws EnrollError where the network or the agent, not the key, is what does not work: to enroll again then would
 * leave a ghost on the manager
 */
export async function tryPresentKey(journey: PreparedJourney): Promise<PresentKey> {
  const left = await keyLeftBehind(journey);
  const file = await readPresent(journey);
  if (left === undefined) return file === undefined ? { works: false } : await tryKey(journey, file, false);
  if (file === undefined) {
    await putInPlace(journey, left);
    return await tryKey(journey, { record: left }, true);
  }
  // Two keys: the newer one counts if the manager says so.
  const taken = await tryKey(journey, { record: left }, true, async () => await putInPlace(journey, left));
  return taken.works ? taken : await tryKey(journey, file, false);
}

async function tryKey(
  journey: PreparedJourney,
  { record, tooWide }: PresentFile,
  changed: boolean,
  onceProven: () => Promise<void> = async () => {},
): Promise<PresentKey> {
  const { settings, agent, edge, notes, observe, signal } = journey;
  observe({ kind: 'present', record, keysFile: agent.keysFile });
  const width = tooWide === undefined ? {} : { tooWide };
  const keep = (outcome: Partial<Outcome> = {}): PresentKey => ({ works: true, changed, record, ...width, ...outcome });
  if (settings.machineBinding && (await checkBinding(notes.notes, record, edge, signal)) === 'other') {
    return { works: false, copied: record };
  }
  if (settings.force) return { works: false, record, ...width };
  if (!settings.handshake) {
    await onceProven();
    return keep();
  }
  const daemon = await runningDaemon(journey);
  if (daemon !== undefined) {
    requireConnected(daemon);
    return keep();
  }
  try {
    const waitMs = Math.min(settings.waitMs, PRESENT_KEY_WAIT_MS);
    const link = await proveLinkAtAny(journey, settings.managers, { record, waitMs });
    await onceProven();
    return keep({ link });
  } catch (thrown) {
    if (!(thrown instanceof EnrollError) || !isTheKey(journey, record, thrown)) throw thrown;
    observe({ kind: 'rejected', record });
    return { works: false, record, ...width };
  }
}

/**
 * Whether it is the key that does not work. Silence alone tells that only of a key that was acknowledged before: a
 * firewall that drops UDP would else cost an OSSEC manager one more renamed duplicate with each run.
 */
function isTheKey({ notes }: PreparedJourney, { id, name }: AgentRecord, { code }: EnrollError): boolean {
  if (code === 'LINK_NOT_ACKNOWLEDGED') return true;
  return code === 'LINK_UNANSWERED' && notes.notes.acknowledged === `${id} ${name}`;
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

/** The key that a manager issued for the request that has no end, where a run was killed before it was in its place. */
async function keyLeftBehind({
  settings,
  agent,
  edge,
  notes,
  observe,
}: PreparedJourney): Promise<AgentRecord | undefined> {
  const { request } = notes.notes;
  if (request === undefined || settings.force) return undefined;
  const record = await leftoverKey(agent, request.name, edge.disk);
  if (record !== undefined) observe({ kind: 'left', record });
  return record;
}

async function putInPlace({ agent, edge, observe }: PreparedJourney, record: AgentRecord): Promise<void> {
  const { keysFile } = await edge.uninterrupted(() => installKey(record, agent, edge.disk));
  observe({ kind: 'installed', keysFile });
}
