import { abortReason } from '../errors.js';
import { readAnchor } from '../keystore/anchor.js';
import { rehearseBelongings } from '../keystore/belongings.js';
import { isVouchedFor } from '../keystore/notes/notes.js';
import { readReenrollSecret } from '../keystore/reenroll-secret-file.js';
import { type Endpoint, endpointKey, formatEndpoint } from '../model/endpoint.js';
import { HTTPS_PORT, HTTPS_PREFIX, type HttpsEndpoint } from '../model/https-endpoint.js';
import type { EnrollCredential } from '../model/manager-jwt.js';
import { pause } from '../net/deadline.js';
import { firstConnection } from '../net/first-connection.js';
import { type Discovery, discoveryInWords } from '../obtain/https/discovery.js';
import { generationError } from '../obtain/https/generation.js';
import type { ManagerSettings } from '../settings/settings.js';
import { requireVouched } from '../settings/vouching.js';
import type { PreparedJourney } from './context.js';
import { type AskedSource, apiSourceFor, authdSourceFor, dialOf, httpsSourceFor } from './key-sources.js';
import type { KeyToReplace } from './present-key.js';

/** How much longer than authd's port the one of a Wazuh 5 may take to answer, at least, in milliseconds. */
const LONGER_MS = 50;

/**
 * The ways to ask one manager for a key, one after the other: each is taken where the one before could not be, or where
 * its credential is dead.
 *
 * A manager that nothing more is known of is a Wazuh 5 if it shows itself as one. Where this host has what only a Wazuh 5
 * gives (a token, a CA, a re-enrollment secret) it is asked as one and not otherwise: whoever stands between could close
 * its port.
 */
export async function* waysToAsk(
  journey: PreparedJourney,
  manager: ManagerSettings,
  replaced: KeyToReplace,
): AsyncGenerator<AskedSource> {
  const { settings, discoveries, signal } = journey;
  const { api, method } = settings;
  if (api !== undefined) {
    yield await apiSourceFor(journey, manager, api);
    return;
  }
  const own = await ownOf5(journey, replaced);
  const known = await knownEndpoint(journey, manager, own);
  if (known !== undefined) {
    yield* overHttps(journey, known, own);
    return;
  }
  if (!method.discover) {
    yield authdSourceFor(journey, manager);
    return;
  }
  const look = discoveries.of(manager, journey);
  const authd = firstConnection(dialOf(journey));
  try {
    const first = await lookBeside(journey, look, authd.open(manager.enrollment, signal));
    if (first?.kind !== 'wazuh-5') yield authdSourceFor(journey, manager, authd.dial);
    const found = await look;
    if (found.kind === 'wazuh-5') yield* discovered(journey, manager, found, own);
  } finally {
    authd.close();
  }
}

/**
 * What a look comes to while authd's port is opened beside it: where that is open, a port beside it that says nothing for
 * as long again is filtered. So a manager of before 5 costs nothing, whatever lies on the way to it.
 *
 * @returns `undefined`: nothing yet
 * @throws EnrollError the reason of the run's signal
 */
async function lookBeside(
  { edge, signal }: PreparedJourney,
  look: Promise<Discovery>,
  opened: Promise<void>,
): Promise<Discovery | undefined> {
  const began = edge.now();
  const enough = opened.then(
    async () => {
      await pause(Math.max(LONGER_MS, edge.now() - began), signal);
      return undefined;
    },
    // Nobody else is there to be asked.
    () => look,
  );
  const first = await Promise.race([look, enough]);
  if (signal.aborted) throw abortReason(signal);
  return first;
}

/** Asks a Wazuh 5 that was found, unless it is too old for anybody. */
async function* discovered(
  journey: PreparedJourney,
  asked: ManagerSettings,
  found: Extract<Discovery, { kind: 'wazuh-5' }>,
  own: OwnOf5,
): AsyncGenerator<AskedSource> {
  const { manager } = found;
  journey.observe({ kind: 'method', method: 'https', why: `auto: ${discoveryInWords(found, manager)}` });
  // With a token its manager is known, and not discovered.
  const error = generationError(found.generation, formatEndpoint(manager), false);
  if (error !== undefined) throw error;
  requireVouchedThere(journey, asked, manager);
  yield* overHttps(journey, manager, own);
}

/** Who may send a secret to authd of a host has not vouched for another port of it. */
function requireVouchedThere({ settings, notes }: PreparedJourney, asked: ManagerSettings, at: Endpoint): void {
  const here = (settings.hearsay ?? []).filter((said) => endpointKey(said.endpoint) === endpointKey(asked.enrollment));
  const endpoint = { host: at.host, port: at.port };
  requireVouched(
    here.map((said) => ({ ...said, endpoint })),
    (each) => isVouchedFor(notes.notes, each),
  );
}

/** What lies on this host that only a Wazuh 5 gives. */
interface OwnOf5 {
  /** PEM of the CA that the agent trusts the manager by. */
  readonly anchor?: string;
  /** Of the agent whose key is to be replaced; never that of a machine which this one is a copy of. */
  readonly reenroll?: Extract<EnrollCredential, { kind: 'reenroll' }>;
}

async function ownOf5({ agent, edge, notes }: PreparedJourney, { record, copied }: KeyToReplace): Promise<OwnOf5> {
  const anchor = await readAnchor(agent, edge.disk);
  const owner = { record, request: notes.notes.request };
  const found = copied === undefined ? await readReenrollSecret(agent, owner, edge.disk) : undefined;
  return {
    ...(anchor === undefined ? {} : { anchor: anchor.pem }),
    ...(found === undefined ? {} : { reenroll: { kind: 'reenroll', ...found } }),
  };
}

/** Where a Wazuh 5 takes its agents, where it is certain that it is to be asked as one. */
async function knownEndpoint(
  journey: PreparedJourney,
  manager: ManagerSettings,
  { anchor, reenroll }: OwnOf5,
): Promise<HttpsEndpoint | undefined> {
  const { settings, discoveries } = journey;
  const { token, method } = settings;
  if (token !== undefined) return token.manager;
  if (manager.https !== undefined) return manager.https;
  if (method.use !== 'https' && (!method.discover || (anchor === undefined && reenroll === undefined)))
    return undefined;
  const found = await discoveries.of(manager, journey);
  if (found.kind === 'wazuh-5') return found.manager;
  return { host: manager.agent.host, port: HTTPS_PORT, prefix: HTTPS_PREFIX };
}

/** With each credential that there is: the agent's own, which keeps its id; then the one that was given. */
async function* overHttps(
  journey: PreparedJourney,
  manager: HttpsEndpoint,
  { anchor, reenroll }: OwnOf5,
): AsyncGenerator<AskedSource> {
  await rehearseBelongings(journey.agent, journey.edge.disk);
  if (reenroll !== undefined) yield await httpsSourceFor(journey, manager, reenroll, anchor);
  yield await httpsSourceFor(journey, manager, givenCredential(journey.settings));
}

/** A token without a credential shows none, and never a password beside it. */
function givenCredential({ token, password }: PreparedJourney['settings']): EnrollCredential | undefined {
  if (token !== undefined) return token.credential;
  return password === undefined ? undefined : { kind: 'password', password };
}
