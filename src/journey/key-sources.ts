import { isVouchedFor, type Notes } from '../keystore/notes/notes.js';
import { type Endpoint, endpointKey, formatEndpoint } from '../model/endpoint.js';
import type { HttpsEndpoint } from '../model/https-endpoint.js';
import type { EnrollCredential } from '../model/manager-jwt.js';
import type { Dial } from '../net/connect.js';
import { pause } from '../net/deadline.js';
import { dialThrough } from '../net/proxy.js';
import type { TrustSettings } from '../net/trust.js';
import type { ApiAccess } from '../obtain/api/begin.js';
import { apiAddress } from '../obtain/api/url.js';
import { authdSource } from '../obtain/authd/source.js';
import { trustOfToken } from '../obtain/https/anchor.js';
import { httpsSource } from '../obtain/https/source.js';
import type { KeySource, Telling } from '../obtain/key-source.js';
import { budgetOfTry } from '../obtain/patience.js';
import type { ApiSettings, Hearsay, ManagerSettings, Settings } from '../settings/settings.js';
import type { Journey, PreparedJourney } from './context.js';

/** A way to ask one manager for a key, and where that is. */
export interface AskedSource {
  readonly source: KeySource;
  readonly endpoint: Endpoint;
  /** Present: the credential is a re-enrollment secret, which may be dead. */
  readonly reenroll?: true;
}

/** Where a manager's REST API listens. */
const API_PORT = 55_000;

/** Where a manager is asked for a key, as far as that is known beforehand. */
export function askedAt({ api, trust }: Settings, manager: ManagerSettings): Endpoint {
  if (api !== undefined) return apiAddress(apiUrl(api, manager), trust.insecure).endpoint;
  return manager.https ?? manager.enrollment;
}

export function apiUrl({ url }: ApiSettings, { agent: { host } }: ManagerSettings): string {
  return url ?? `https://${formatEndpoint({ host, port: API_PORT })}`;
}

/** Where an API is, who asks, and how it is trusted. */
export function apiAccess(journey: PreparedJourney, url: string, api: ApiSettings): ApiAccess {
  const { settings, edge, notes } = journey;
  const { timeoutMs } = settings;
  const { endpoint } = apiAddress(url, settings.trust.insecure);
  return {
    url,
    credentials: { user: api.user, password: api.password },
    trust: trustOf(settings, endpoint, notes.notes),
    dial: dialOf(journey),
    timeoutMs,
    patienceMs: budgetOfTry(timeoutMs, settings.retries),
    random: edge.randomNumber,
    pause,
    now: edge.now,
    ...telling(journey),
  };
}

/** The REST API of a manager. */
export async function apiSourceFor(
  journey: PreparedJourney,
  manager: ManagerSettings,
  api: ApiSettings,
): Promise<AskedSource> {
  const { insecure } = journey.settings.trust;
  const url = apiUrl(api, manager);
  const { apiSource } = await import('../obtain/api/source.js');
  const source = apiSource({ ...apiAccess(journey, url, api), force: journey.settings.force });
  return { source, endpoint: apiAddress(url, insecure).endpoint };
}

/** The authd of a manager. */
export function authdSourceFor(
  journey: PreparedJourney,
  { enrollment: endpoint }: ManagerSettings,
  dial: Dial = dialOf(journey),
): AskedSource {
  const { settings, notes } = journey;
  const { password, clientCertificate, timeoutMs } = settings;
  const source = authdSource({
    endpoint,
    trust: trustAtFirst(settings, endpoint, notes.notes),
    ...(password === undefined ? {} : { password }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    dial,
    timeoutMs,
    ...telling(journey),
  });
  return { source, endpoint };
}

/** Makes the connections of this run. */
export function dialOf({ settings, edge }: Journey): Dial {
  return dialThrough(settings.proxy, edge.dial, settings.timeoutMs);
}

/**
 * The remoted of a Wazuh 5.
 * @param credential absent: none is shown
 * @param anchor the CA that lies beside the key, PEM, by which the agent's own secret may be shown; nothing else may
 */
export async function httpsSourceFor(
  journey: PreparedJourney,
  manager: HttpsEndpoint,
  credential: EnrollCredential | undefined,
  anchor?: string,
): Promise<AskedSource> {
  const { settings, edge, notes } = journey;
  const { clientCertificate, timeoutMs, retries, token } = settings;
  const endpoint = { host: manager.host, port: manager.port };
  const byAnchor = anchor === undefined ? undefined : { ca: anchor, insecure: false };
  const source = httpsSource({
    manager,
    ...(credential === undefined ? {} : { credential }),
    trust:
      token === undefined
        ? { kind: 'settings', settings: byAnchor ?? trustAtFirst(settings, endpoint, notes.notes) }
        : trustOfToken(token),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    dial: dialOf(journey),
    timeoutMs,
    retries,
    random: edge.randomNumber,
    jti: edge.jti,
    pause,
    now: edge.now,
    clock: edge.disk.now,
    ...telling(journey),
  });
  return { source, endpoint, ...(credential?.kind === 'reenroll' ? { reenroll: true } : {}) };
}

/** What a source tells is told once: a manager may be connected to several times. */
function telling({ observe }: Journey): Telling {
  let before: string | undefined;
  return {
    onCertificate: (seen) => {
      const now = `${seen.by} ${seen.fingerprint}`;
      if (now !== before) observe({ kind: 'certificate', seen });
      before = now;
    },
    onWarning: (text) => observe({ kind: 'warning', text }),
  };
}

/** As {@link trustOf}; and where nothing else is known, what was seen at the first time. */
function trustAtFirst(settings: Settings, endpoint: Endpoint, notes: Notes): TrustSettings {
  const firstUse = knownKey(notes, endpoint);
  return { ...trustOf(settings, endpoint, notes), ...(firstUse === undefined ? {} : { firstUse }) };
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
