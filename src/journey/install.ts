import { installKey } from '../keystore/client-keys.js';
import type { Notes } from '../keystore/notes/notes.js';
import { resetCounters } from '../keystore/sender-counter.js';
import type { AgentRecord } from '../model/agent-record.js';
import { type Endpoint, formatEndpoint } from '../model/endpoint.js';
import type { TrustVerdict } from '../net/trust.js';
import type { PreparedJourney } from './context.js';
import { boundTo } from './machine-binding.js';

/** A record that is to be put in its place, and where it came from, as far as a manager was asked for it. */
export interface KeyToInstall {
  readonly key: {
    readonly record: AgentRecord;
    readonly trust?: TrustVerdict;
    /** Of the enrollment service. */
    readonly endpoint?: Endpoint;
  };
}

/** What the key takes the place of. */
export interface Replaced {
  /** The record that was there, whose counters nobody uses any more. */
  readonly record?: AgentRecord | undefined;
  /** The record in whose place it comes, if that was another machine's. */
  readonly copied?: AgentRecord | undefined;
}

/**
 * Puts a key where the agent looks for it, before anything else is done with it, and then what belongs to a new key:
 * counters that start again, the manager's certificate and this machine remembered, the request closed. Signals to this
 * process are taken afterwards.
 *
 * @throws EnrollError `FILE_UNWRITABLE`, `FILE_UNREADABLE`
 */
export async function install(journey: PreparedJourney, { key }: KeyToInstall, replaced: Replaced): Promise<void> {
  const { settings, agent, edge, notes, observe, signal } = journey;
  const { record, trust, endpoint } = key;
  const before = replaced.record ?? replaced.copied;
  await edge.uninterrupted(async () => {
    const { keysFile } = await installKey(record, agent, edge.disk);
    observe({ kind: 'installed', keysFile });
    await resetCounters(agent, [record.id, ...(before === undefined ? [] : [before.id])], edge.disk);
    await notes.update(({ request: _, ...rest }) => ({ ...rest, ...trusted(rest, endpoint, trust, edge.disk.now()) }));
  });
  if (!settings.machineBinding) return;
  const binding = await boundTo(notes.notes, record, edge, signal, replaced.copied);
  await notes.update(({ binding: _, ...rest }) => ({ ...rest, ...(binding === undefined ? {} : { binding }) }));
}

/** A manager that was trusted by first use, or whose CA or pin replaces what was stored. */
function trusted(
  { managers }: Pick<Notes, 'managers'>,
  endpoint: Endpoint | undefined,
  trust: TrustVerdict | undefined,
  now: number,
): Pick<Notes, 'managers'> {
  if (endpoint === undefined || trust === undefined || trust.by === 'nothing' || trust.by === 'system') {
    return { managers };
  }
  const name = formatEndpoint(endpoint);
  if (managers.get(name)?.fingerprint === trust.fingerprint) return { managers };
  const seen = { fingerprint: trust.fingerprint, firstSeen: new Date(now).toISOString(), other: {} };
  return { managers: new Map([...managers, [name, seen]]) };
}
