import { abortReason, asEnrollError, EnrollError, EXIT } from '../errors.js';
import { machineFacts } from '../host/machine.js';
import { splayDelay, splaySeed } from '../host/splay.js';
import { type BegunRequest, isVouchedFor } from '../keystore/notes/notes.js';
import { removeReenrollSecret } from '../keystore/reenroll-secret-file.js';
import type { AgentRecord } from '../model/agent-record.js';
import { formatEndpoint } from '../model/endpoint.js';
import type { Host } from '../model/host.js';
import { pause } from '../net/deadline.js';
import type { AgentKey } from '../obtain/key-source.js';
import type { ManagerSettings, Settings } from '../settings/settings.js';
import { requireVouched } from '../settings/vouching.js';
import { askFor } from './ask-for.js';
import { backOff } from './back-off.js';
import type { Outcome } from './conclude.js';
import type { Journey, PreparedJourney } from './context.js';
import { type AskedSource, askedAt } from './key-sources.js';
import { rehearseKey } from './prepare.js';
import type { KeyToReplace } from './present-key.js';
import { explainedByEarlier, tellOfUnfinished } from './unfinished-request.js';
import { waysToAsk } from './ways-to-ask.js';

/** What a manager said to the request for a key. */
export type ManagerAnswer = IssuedKey | KnownKey;

/** A key, and the manager that issued it. */
export interface IssuedKey {
  readonly kind: 'issued';
  readonly key: AgentKey;
  readonly manager: ManagerSettings;
}

/**
 * The manager refuses the name or address because of an agent that may be this very one, as the hash in the request
 * showed it: Wazuh 4.2 and later say so of a key that is good. An active agent is answered alike whatever the hash, so
 * only a handshake can tell.
 */
export interface KnownKey {
  readonly kind: 'known';
  /** What the journey ends with where that key is acknowledged. */
  readonly outcome: Outcome;
  readonly refusal: EnrollError;
}

/**
 * Asks the managers for a key, in order, again after a while where that can help.
 *
 * Only a manager that cannot be reached is passed over for the next; what a manager refuses is final. Nothing is asked
 * twice once the request may have been carried out.
 *
 * @throws EnrollError of the first manager, with what failed at the others in the message
 */
export async function requestKey(journey: PreparedJourney, host: Host, replaced: KeyToReplace): Promise<ManagerAnswer> {
  const { record: present, changed, tooWide } = replaced;
  const { settings, edge, notes, observe, signal } = journey;
  requireVouched(settings.hearsay ?? [], (endpoint) => isVouchedFor(notes.notes, endpoint));
  observe({ kind: 'method', method: settings.method.use, why: settings.method.why });
  const earlier = tellOfUnfinished(journey);
  await spread(journey);
  for (let failures = 1; ; failures++) {
    const failed: { readonly manager: ManagerSettings; readonly error: EnrollError }[] = [];
    for (const manager of toAsk(settings)) {
      try {
        return { kind: 'issued', key: await requestFrom(journey, manager, host, replaced, earlier), manager };
      } catch (thrown) {
        const error = asEnrollError(thrown);
        if (signal.aborted) throw abortReason(signal);
        const refusal = explainedByEarlier(error, earlier, host.name.name);
        if (present !== undefined && isOfPresentKey(refusal, present, host, settings)) {
          const outcome = { changed: changed ?? false, record: present, tooWide };
          return { kind: 'known', outcome, refusal };
        }
        if (!mayTryElsewhere(error)) throw refusal;
        failed.push({ manager, error });
      }
    }
    const [first] = failed;
    if (first === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');
    const again = failures <= settings.retries && failed.some(({ error }) => error.retryable);
    if (!again) throw together(settings, first.error, failed);
    const waitMs = backOff(failures, edge.randomNumber());
    observe({ kind: 'retrying', error: first.error, waitMs });
    await pause(waitMs, signal);
    if (signal.aborted) throw abortReason(signal);
  }
}

/** Only authd is shown the present key, and its refusal can be about that one only where what it refuses is that one's. */
function isOfPresentKey(
  { code }: EnrollError,
  present: AgentRecord,
  { name, address: { register } }: Host,
  { method, force }: Settings,
): boolean {
  if (method.use !== 'authd' || force) return false;
  if (code === 'NAME_DUPLICATE') return name.name === present.name;
  return code === 'IP_DUPLICATE' && register.kind === 'address' && register.address === present.ip;
}

/** Whom to ask: a REST API with a URL of its own is one for all managers. */
function toAsk({ api, managers }: Settings): readonly ManagerSettings[] {
  return api?.url === undefined ? managers : managers.slice(0, 1);
}

/** Lets a fleet that starts at once come one by one: each machine has its own delay, the same at every start. */
async function spread({ settings, edge, observe, signal }: Journey): Promise<void> {
  if (settings.splayMs === 0) return;
  const facts = await machineFacts(edge.system, signal);
  const waitMs = splayDelay(splaySeed(facts, edge.system.hostname()), settings.splayMs);
  observe({ kind: 'splaying', waitMs });
  await pause(waitMs, signal);
  if (signal.aborted) throw abortReason(signal);
}

/** Asks one manager, by the ways that there are to it. */
async function requestFrom(
  journey: PreparedJourney,
  manager: ManagerSettings,
  host: Host,
  replaced: KeyToReplace,
  earlier: BegunRequest | undefined,
): Promise<AgentKey> {
  let failed: unknown;
  for await (const way of waysToAsk(journey, manager, replaced)) {
    try {
      return await askBy(way, journey, host, replaced, earlier);
    } catch (thrown) {
      const error = asEnrollError(thrown);
      if (journey.signal.aborted || !mayAskOtherwise(error, way)) throw thrown;
      if (way.reenroll) await forgetSecret(journey, error);
      failed ??= thrown;
    }
  }
  throw failed;
}

/** A way that could not be taken, and a secret that is dead, leave the next one; what a manager refused is final. */
function mayAskOtherwise(error: EnrollError, { reenroll }: AskedSource): boolean {
  return reenroll ? error.code === 'REENROLL_SECRET_REFUSED' : error.exitCode === EXIT.unreachable;
}

/** The manager does not know the agent of this secret any more: it will never be of use. */
async function forgetSecret({ agent, edge, observe }: PreparedJourney, { message }: EnrollError): Promise<void> {
  await removeReenrollSecret(agent, edge.disk);
  observe({ kind: 'warning', text: `${message} It was removed, and the host enrolls anew.` });
}

async function askBy(
  { source, endpoint }: AskedSource,
  journey: PreparedJourney,
  host: Host,
  { record: present }: KeyToReplace,
  earlier: BegunRequest | undefined,
): Promise<AgentKey> {
  const { settings, edge, notes, observe, signal } = journey;
  const { name } = host.name;
  observe({ kind: 'asking', method: source.method, endpoint, name });
  const startedAt = new Date(edge.disk.now()).toISOString();
  const request = { name, manager: formatEndpoint(endpoint), startedAt };
  await notes.update((before) => ({ ...before, request }));
  try {
    // Once more: the note has taken room on the disk.
    await rehearseKey(journey);
    // A manager (Wazuh 4.2 and later) refuses whoever shows it a key that it knows: not what --force asks for.
    const shown = present === undefined || settings.force ? {} : { present };
    const key = await askFor({ name, ip: host.address.register, groups: settings.groups, ...shown }, source, journey);
    observe({ kind: 'obtained', key });
    return key;
  } catch (thrown) {
    // An answer that was lost, or an interruption, leaves open whether there is an agent: the journal stays for the next run.
    const open = signal.aborted || asEnrollError(thrown).exitCode === EXIT.answerLost;
    // What an earlier run left open is as open as before.
    if (!open)
      await notes.update(({ request: _, ...rest }) => (earlier === undefined ? rest : { ...rest, request: earlier }));
    throw thrown;
  }
}

/** A manager that was not reached, or could not do it, is not the only one; one that refused has spoken for all. */
function mayTryElsewhere(error: EnrollError): boolean {
  return error.retryable || error.exitCode === EXIT.unreachable;
}

function together(
  settings: Settings,
  first: EnrollError,
  failed: readonly { readonly manager: ManagerSettings; readonly error: EnrollError }[],
): EnrollError {
  if (failed.length === 1) return first;
  const each = failed.map(({ manager, error }) => `${formatEndpoint(askedAt(settings, manager))}: ${error.message}`);
  return new EnrollError(first.code, `No manager could be asked for a key. ${each.join(' ')}`, {
    hint: first.hint,
    cause: first,
  });
}
