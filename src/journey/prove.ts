import type { AgentRecord } from '../model/agent-record.js';
import type { ManagerFamily } from '../model/endpoint.js';
import type { Belongings } from '../obtain/key-source.js';
import type { ManagerSettings } from '../settings/settings.js';
import type { Outcome } from './conclude.js';
import type { PreparedJourney } from './context.js';
import { believe, requireRestart, runningDaemon } from './daemon-word.js';
import { type ManagerLink, proveLinkAtAny } from './manager-link.js';
import { PRESENT_KEY_WAIT_MS } from './present-key.js';
import type { KnownKey } from './request-key.js';

/** A key that lies in its place, and whether this run has put it there. */
export interface KeyInPlace {
  readonly key: { readonly record: AgentRecord; readonly family?: ManagerFamily; readonly belongings?: Belongings };
  /** The manager that issued it, if one did; it is tried first. */
  readonly manager?: ManagerSettings;
  /** Absent: this run has put it there. */
  readonly changed?: boolean;
}

/**
 * Proves the link with the key that now lies in its place.
 *
 * @returns `undefined` where no handshake was asked for, or an agent daemon runs and says that it is connected
 * @throws EnrollError `AGENT_RESTART_NEEDED` and `AGENT_NOT_CONNECTED` of an agent daemon, and what the handshake found
 * wrong
 */
export async function prove(
  journey: PreparedJourney,
  { key: { record, family, belongings }, manager, changed = true }: KeyInPlace,
): Promise<ManagerLink | undefined> {
  const { settings } = journey;
  if (!settings.handshake) return undefined;
  const daemon = await runningDaemon(journey);
  if (daemon !== undefined) {
    if (changed) await requireRestart(journey, { endpoint: manager?.agent });
    await believe(journey, daemon);
    return undefined;
  }
  const others = settings.managers.filter((one) => one !== manager);
  const managers = manager === undefined ? others : [manager, ...others];
  const request = {
    record,
    notes: journey.notes.notes,
    fresh: changed,
    waitMs: settings.waitMs,
    family,
    ...(belongings === undefined || manager === undefined ? {} : { https: { of: manager, ...belongings } }),
  };
  return await proveLinkAtAny(journey, managers, request);
}

/**
 * Waits for the acknowledgement of the present key, which the manager's authd says it knows.
 * @throws EnrollError the refusal, where the link does not work all the same
 */
export async function proveKnown(journey: PreparedJourney, known: KnownKey): Promise<Outcome> {
  const { outcome, refusal } = known;
  const { settings, signal } = journey;
  if (!settings.handshake || (await runningDaemon(journey)) !== undefined) throw refusal;
  try {
    const { record } = outcome;
    const request = { record, notes: journey.notes.notes, waitMs: Math.min(settings.waitMs, PRESENT_KEY_WAIT_MS) };
    return { ...outcome, link: await proveLinkAtAny(journey, settings.managers, request) };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw refusal;
  }
}
