import { installKey } from '../keystore/client-keys.js';
import type { Notes } from '../keystore/notes/notes.js';
import { resetCounters } from '../keystore/sender-counter.js';
import type { AgentRecord } from '../model/agent-record.js';
import { type Endpoint, endpointKey } from '../model/endpoint.js';
import type { Host } from '../model/host.js';
import type { TrustVerdict } from '../net/trust.js';
import type { Hearsay } from '../settings/settings.js';
import { askedFor } from './as-asked.js';
import type { PreparedJourney } from './context.js';
import { bind } from './machine-binding.js';

/** A record that is to be put in its place, and where it came from, as far as a manager was asked for it. */
export interface KeyToInstall {
  /** Whom it was asked for. */
  readonly host?: Host;
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
export async function install(
  journey: PreparedJourney,
  { key, host }: KeyToInstall,
  replaced: Replaced,
): Promise<void> {
  const { settings, agent, edge, notes, observe } = journey;
  const { record, trust, endpoint } = key;
  const before = replaced.record ?? replaced.copied;
  await edge.uninterrupted(async () => {
    const { keysFile } = await installKey(record, agent, edge.disk);
    observe({ kind: 'installed', keysFile });
    await resetCounters(agent, [record.id, ...(before === undefined ? [] : [before.id])], edge.disk);
    await notes.update(({ request: _, asked: __, ...rest }) => ({
      ...rest,
      ...(host === undefined ? {} : { asked: askedFor(settings, host, record) }),
      ...trusted(rest, { endpoint, trust, hearsay: settings.hearsay, now: edge.disk.now() }),
    }));
  });
  await bind(journey, record, replaced.copied);
}

/** What was seen of the manager that issued the key. */
interface Seen {
  readonly endpoint: Endpoint | undefined;
  readonly trust: TrustVerdict | undefined;
  readonly hearsay: readonly Hearsay[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A manager that was trusted by first use, or whose CA or pin replaces what was stored. */
function trusted(
  { managers }: Pick<Notes, 'managers'>,
  { endpoint, trust, hearsay = [], now }: Seen,
): Pick<Notes, 'managers'> {
  if (endpoint === undefined || trust === undefined || trust.by === 'nothing' || trust.by === 'system') {
    return { managers };
  }
  const name = endpointKey(endpoint);
  const { fingerprint } = trust;
  const named = !hearsay.some((said) => endpointKey(said.endpoint) === name);
  const before = managers.get(name);
  if (before?.fingerprint === fingerprint && (before.hearsay === undefined || !named)) return { managers };
  const firstSeen = before?.fingerprint === fingerprint ? before.firstSeen : new Date(now).toISOString();
  const seen = { fingerprint, firstSeen, ...(named ? {} : { hearsay: true as const }), other: {} };
  return { managers: new Map([...managers, [name, seen]]) };
}
