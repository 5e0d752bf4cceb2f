import { backOff } from './back-off.js';
import { abortReason, asEnrollError, EnrollError, EXIT } from './errors.js';
import type { Host } from './host/host.js';
import { machineFacts } from './host/machine.js';
import { splayDelay, splaySeed } from './host/splay.js';
import type { Journey } from './journey.js';
import { beginRequest, endRequest, unfinishedRequest } from './keystore/journal.js';
import type { AgentRecord } from './keystore/record.js';
import { type Endpoint, formatEndpoint } from './manager.js';
import { pause } from './net/deadline.js';
import { dialThrough } from './net/proxy.js';
import { apiAddress } from './obtain/api/url.js';
import { authdSource } from './obtain/authd.js';
import type { AgentKey, KeySource } from './obtain/key-source.js';
import type { ManagerSettings } from './settings/settings.js';
import { knownFingerprint } from './trust-memory.js';

/** Where a manager's REST API listens. */
const API_PORT = 55_000;

/** A key, and the manager that issued it. */
export interface IssuedBy {
  readonly key: AgentKey;
  readonly manager: ManagerSettings;
}

/**
 * Asks the managers for a key, in order, again after a while where that can help.
 *
 * Only a manager that cannot be reached is passed over for the next; what a manager refuses is final. Nothing is asked
 * twice once the request may have been carried out.
 *
 * @throws EnrollError of the first manager, with what failed at the others in the message
 */
export async function requestKey(journey: Journey, host: Host, present: AgentRecord | undefined): Promise<IssuedBy> {
  const { settings, edge, observe, signal } = journey;
  await tellOfUnfinished(journey);
  await spread(journey);
  for (let failures = 1; ; failures++) {
    const failed: { readonly manager: ManagerSettings; readonly error: EnrollError }[] = [];
    for (const manager of settings.managers) {
      try {
        return { key: await requestFrom(journey, manager, host, present), manager };
      } catch (thrown) {
        const error = asEnrollError(thrown);
        if (signal.aborted) throw abortReason(signal);
        if (!mayTryElsewhere(error)) throw error;
        failed.push({ manager, error });
      }
    }
    const [first] = failed;
    if (first === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');
    const again = failures <= settings.retries && failed.some(({ error }) => error.retryable);
    if (!again) throw together(first.error, failed);
    const waitMs = backOff(failures, edge.randomNumber());
    observe({ kind: 'retrying', error: first.error, waitMs });
    await pause(waitMs, signal);
    if (signal.aborted) throw abortReason(signal);
  }
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
  journey: Journey,
  manager: ManagerSettings,
  host: Host,
  present: AgentRecord | undefined,
): Promise<AgentKey> {
  const { settings, agent, edge, observe, signal } = journey;
  const { name } = host.name;
  const { source, endpoint } = await sourceFor(journey, manager);
  observe({ kind: 'asking', method: source.method, why: settings.method.why, endpoint, name });
  await beginRequest(agent, name, endpoint, edge.keystore);
  try {
    const ask = { name, ip: host.address.register, groups: settings.groups };
    const key = await source.obtain({ ...ask, ...(present === undefined ? {} : { present }) }, signal);
    observe({ kind: 'obtained', key });
    return key;
  } catch (thrown) {
    // An answer that was lost, or an interruption, leaves open whether there is an agent: the journal stays for the next run.
    const open = signal.aborted || asEnrollError(thrown).exitCode === EXIT.answerLost;
    if (!open) await endRequest(agent, edge.keystore);
    throw thrown;
  }
}

async function sourceFor(
  { settings, agent, edge }: Journey,
  { enrollment, agent: remoted }: ManagerSettings,
): Promise<{ readonly source: KeySource; readonly endpoint: Endpoint }> {
  const { trust, api, password, clientCertificate, timeoutMs } = settings;
  const dial = dialThrough(settings.proxy, edge.dial, timeoutMs);
  if (api !== undefined) {
    const { apiSource } = await import('./obtain/api/source.js');
    const url = api.url ?? `https://${formatEndpoint({ host: remoted.host, port: API_PORT })}`;
    const source = apiSource({
      url,
      credentials: { user: api.user, password: api.password },
      trust: { ...trust, system: true },
      dial,
      timeoutMs,
      force: settings.force,
      random: edge.randomNumber,
      pause,
      now: edge.now,
    });
    return { source, endpoint: apiAddress(url, trust.insecure).endpoint };
  }
  const firstUse = await knownFingerprint(agent, enrollment, edge.keystore);
  const source = authdSource({
    endpoint: enrollment,
    trust: { ...trust, ...(firstUse === undefined ? {} : { firstUse }) },
    ...(password === undefined ? {} : { password }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    dial,
    timeoutMs,
  });
  return { source, endpoint: enrollment };
}

async function tellOfUnfinished({ agent, edge, observe }: Journey): Promise<void> {
  const begun = await unfinishedRequest(agent, edge.keystore);
  if (begun === undefined) return;
  const text = `An earlier run (${begun.startedAt}) asked ${begun.manager} for a key as ${begun.name} and did not come to an end: an agent of that name may exist there without a key on this host.`;
  observe({ kind: 'warning', text });
}

/** A manager that was not reached, or could not do it, is not the only one; one that refused has spoken for all. */
function mayTryElsewhere(error: EnrollError): boolean {
  return error.retryable || error.exitCode === EXIT.unreachable;
}

function together(
  first: EnrollError,
  failed: readonly { readonly manager: ManagerSettings; readonly error: EnrollError }[],
): EnrollError {
  if (failed.length === 1) return first;
  const each = failed.map(({ manager, error }) => `${formatEndpoint(manager.enrollment)}: ${error.message}`);
  return new EnrollError(first.code, `No manager could be asked for a key. ${each.join(' ')}`, {
    hint: first.hint,
    cause: first,
  });
}
