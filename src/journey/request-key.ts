import { abortReason, asEnrollError, EnrollError, EXIT } from '../errors.js';
import { machineFacts } from '../host/machine.js';
import { splayDelay, splaySeed } from '../host/splay.js';
import { type BegunRequest, isVouchedFor, type Notes } from '../keystore/notes/notes.js';
import type { AgentRecord } from '../model/agent-record.js';
import { type Endpoint, endpointKey, formatEndpoint } from '../model/endpoint.js';
import type { Host } from '../model/host.js';
import { pause } from '../net/deadline.js';
import { dialThrough } from '../net/proxy.js';
import { apiAddress } from '../obtain/api/url.js';
import { authdSource } from '../obtain/authd/source.js';
import type { AgentKey, KeySource, Telling } from '../obtain/key-source.js';
import { budgetOfTry } from '../obtain/patience.js';
import type { ApiSettings, Hearsay, ManagerSettings, Settings } from '../settings/settings.js';
import { requireVouched } from '../settings/vouching.js';
import { askFor } from './ask-for.js';
import { backOff } from './back-off.js';
import type { Outcome } from './conclude.js';
import type { Journey, PreparedJourney } from './context.js';
import type { KeyToReplace } from './present-key.js';
import { explainedByEarlier, tellOfUnfinished } from './unfinished-request.js';

/** Where a manager's REST API listens. */
const API_PORT = 55_000;

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
export async function requestKey(
  journey: PreparedJourney,
  host: Host,
  { record: present, changed, tooWide }: KeyToReplace,
): Promise<ManagerAnswer> {
  const { settings, edge, notes, observe, signal } = journey;
  requireVouched(settings.hearsay ?? [], (endpoint) => isVouchedFor(notes.notes, endpoint));
  observe({ kind: 'method', method: settings.method.use, why: settings.method.why });
  const earlier = tellOfUnfinished(journey);
  await spread(journey);
  for (let failures = 1; ; failures++) {
    const failed: { readonly manager: ManagerSettings; readonly error: EnrollError }[] = [];
    for (const manager of toAsk(settings)) {
      try {
        return { kind: 'issued', key: await requestFrom(journey, manager, host, present, earlier), manager };
      } catch (thrown) {
        const error = asEnrollError(thrown);
        if (signal.aborted) throw abortReason(signal);
        const refusal = explainedByEarlier(error, earlier, host.name.name);
        if (present !== undefined && isOfPresentKey(refusal, present, host, settings)) {
          const outcome = { changed: changed ?? false, record: present, ...(tooWide === undefined ? {} : { tooWide }) };
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

/** Where a manager is asked for a key. */
function askedAt({ api, trust }: Settings, { enrollment, agent }: ManagerSettings): Endpoint {
  return api === undefined ? enrollment : apiAddress(apiUrl(api, agent), trust.insecure).endpoint;
}

function apiUrl({ url }: ApiSettings, { host }: Endpoint): string {
  return url ?? `https://${formatEndpoint({ host, port: API_PORT })}`;
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

async function requestFrom(
  journey: PreparedJourney,
  manager: ManagerSettings,
  host: Host,
  present: AgentRecord | undefined,
  earlier: BegunRequest | undefined,
): Promise<AgentKey> {
  const { settings, edge, notes, observe, signal } = journey;
  const { name } = host.name;
  const source = await sourceFor(journey, manager);
  const endpoint = askedAt(settings, manager);
  observe({ kind: 'asking', method: source.method, endpoint, name });
  const startedAt = new Date(edge.disk.now()).toISOString();
  const request = { name, manager: formatEndpoint(endpoint), startedAt };
  await notes.update((before) => ({ ...before, request }));
  try {
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

async function sourceFor(journey: PreparedJourney, manager: ManagerSettings): Promise<KeySource> {
  const { settings, edge, notes } = journey;
  const { enrollment, agent: remoted } = manager;
  const { api, password, clientCertificate, timeoutMs } = settings;
  const trust = trustOf(settings, askedAt(settings, manager), notes.notes);
  const dial = dialThrough(settings.proxy, edge.dial, timeoutMs);
  const tell = telling(journey);
  if (api !== undefined) {
    const { apiSource } = await import('../obtain/api/source.js');
    return apiSource({
      url: apiUrl(api, remoted),
      credentials: { user: api.user, password: api.password },
      trust: { ...trust, system: true },
      dial,
      timeoutMs,
      patienceMs: budgetOfTry(timeoutMs, settings.retries),
      force: settings.force,
      random: edge.randomNumber,
      pause,
      now: edge.now,
      ...tell,
    });
  }
  const firstUse = knownKey(notes.notes, enrollment);
  return authdSource({
    endpoint: enrollment,
    trust: { ...trust, ...(firstUse === undefined ? {} : { firstUse }) },
    ...(password === undefined ? {} : { password }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    dial,
    timeoutMs,
    ...tell,
  });
}

/** What a source tells is told once: an API may be connected to several times. */
function telling({ observe }: Journey): Telling {
  let before = '';
  return {
    onCertificate: (seen) => {
      const now = `${seen.by} ${seen.fingerprint}`;
      if (now !== before) observe({ kind: 'certificate', seen });
      before = now;
    },
    onWarning: (text) => observe({ kind: 'warning', text }),
  };
}

/** The public key that was noted of an enrollment service, as 64 hex digits. */
function knownKey({ managers }: Notes, endpoint: Endpoint): string | undefined {
  return managers.get(endpointKey(endpoint))?.fingerprint.replace(/^sha256:/, '');
}

/**
 * Where only a file that others can change names a service, a note of its key is what vouches for it, and no CA which
 * the same file names can stand in for that key.
 */
function trustOf({ trust, hearsay = [] }: Settings, endpoint: Endpoint, notes: Notes): Settings['trust'] {
  const same = (said: Hearsay) => endpointKey(said.endpoint) === endpointKey(endpoint);
  const guarded = hearsay.some((said) => same(said) && said.secrets.length > 0);
  const pin = isVouchedFor(notes, endpoint) ? knownKey(notes, endpoint) : undefined;
  return guarded && pin !== undefined ? { ...trust, pin } : trust;
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
