import { earlierAnchor } from '../keystore/anchor.js';
import { finishBelongings, installBelongings, removeUsedToken } from '../keystore/belongings.js';
import { installKey } from '../keystore/client-keys.js';
import type { Notes } from '../keystore/notes/notes.js';
import { resetCounters } from '../keystore/sender-counter.js';
import type { AgentRecord } from '../model/agent-record.js';
import { type Endpoint, endpointKey } from '../model/endpoint.js';
import type { Host } from '../model/host.js';
import type { TrustVerdict } from '../net/trust.js';
import type { Belongings } from '../obtain/key-source.js';
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
    readonly belongings?: Pick<Belongings, 'anchor' | 'reenroll'>;
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
 * counters that start again, the manager's certificate and this machine remembered, the request closed. With a key of a
 * Wazuh 5 the files that belong to it are written with it; without, those of an earlier key are left alone. Signals to
 * this process are taken afterwards.
 *
 * @throws EnrollError `FILE_UNWRITABLE`, `FILE_UNREADABLE`
 */
export async function install(
  journey: PreparedJourney,
  { key, host }: KeyToInstall,
  replaced: Replaced,
): Promise<void> {
  const { settings, agent, edge, notes, observe } = journey;
  const { record, trust, endpoint, belongings } = key;
  const before = replaced.record ?? replaced.copied;
  await edge.uninterrupted(async () => {
    await installBelongings(belongings ?? {}, agent, edge.disk, async () => {
      const { keysFile } = await installKey(record, agent, edge.disk);
      observe({ kind: 'installed', keysFile });
    });
    await resetCounters(agent, [record.id, ...(before === undefined ? [] : [before.id])], edge.disk);
    await notes.update(({ request: _, asked: __, ...rest }) => ({
      ...rest,
      ...(host === undefined ? {} : { asked: askedFor(settings, host, record) }),
      ...trusted(rest, { endpoint, trust, hearsay: settings.hearsay, now: edge.disk.now() }),
    }));
  });
  await bind(journey, record, replaced.copied);
  const told = [
    belongings !== undefined && belongings.anchor === undefined ? await earlierAnchor(agent, edge.disk) : undefined,
    // The token that an installer left was for this one enrollment.
    belongings !== undefined && settings.tokenOfInstaller ? await removeUsedToken(agent, edge.disk) : undefined,
  ];
  for (const text of told) if (text !== undefined) observe({ kind: 'warning', text });
}

/**
 * Does what a run that was killed had still to do with the files that belong to the key which it had put in its place.
 *
 * @throws EnrollError `FILE_UNWRITABLE`, `FILE_UNREADABLE`
 */
export async function finishInstallation({ agent, edge, notes }: PreparedJourney): Promise<void> {
  const { request } = notes.notes;
  if (request !== undefined) await edge.uninterrupted(() => finishBelongings(agent, request, edge.disk));
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
): Partial<Pick<Notes, 'managers'>> {
  if (endpoint === undefined || trust === undefined || trust.by === 'nothing' || trust.by === 'system') return {};
  const name = endpointKey(endpoint);
  const { fingerprint } = trust;
  // Whoever named the host has named all of its ports: that of a Wazuh 5 is found beside authd's.
  const named = !hearsay.some((said) => said.endpoint.host.toLowerCase() === endpoint.host.toLowerCase());
  const before = managers.get(name);
  const same = before?.fingerprint === fingerprint ? before : undefined;
  const vouched = named || (same !== undefined && same.hearsay === undefined);
  const firstSeen = same?.firstSeen ?? new Date(now).toISOString();
  const seen = { fingerprint, firstSeen, ...(vouched ? {} : { hearsay: true as const }), other: same?.other ?? {} };
  return { managers: new Map([...managers, [name, seen]]) };
}
