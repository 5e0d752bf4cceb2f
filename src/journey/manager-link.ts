import { abortReason, EnrollError } from '../errors.js';
import type { Notes, WorkingLink } from '../keystore/notes/notes.js';
import { LinkError } from '../link/link-error.js';
import type { LinkProof } from '../link/link-proof.js';
import type { AgentRecord } from '../model/agent-record.js';
import { type Endpoint, endpointKey, formatEndpoint, type ManagerFamily } from '../model/endpoint.js';
import { HTTPS_PORT, type HttpsEndpoint } from '../model/https-endpoint.js';
import { pause } from '../net/deadline.js';
import { type Discovery, discoveryInWords } from '../obtain/https/discovery.js';
import type { ManagerSettings } from '../settings/settings.js';
import type { Journey } from './context.js';
import { soFar } from './discoveries.js';
import { proveByHttps } from './link-by-https.js';
import { proveByMessages } from './link-by-messages.js';
import { notAcknowledged } from './not-acknowledged.js';
import { trustOfLink } from './trust-of-link.js';

/** The key whose link is to be proven. */
export interface ProofRequest {
  readonly record: AgentRecord;
  readonly family?: ManagerFamily | undefined;
  /** Of the manager that issued the key over HTTPS: where it takes its agents, and the CA that it has shown. */
  readonly https?: { readonly of: ManagerSettings; readonly manager: HttpsEndpoint; readonly anchor?: string };
  /** Whether this run has got the key, and no agent uses it yet. */
  readonly fresh?: boolean;
  /** What is remembered of this host. */
  readonly notes: Notes;
  /** What worked before, by the key of the agent port; absent: nothing is known. */
  readonly links?: ReadonlyMap<string, WorkingLink>;
  /** How long each manager is given, in milliseconds. */
  readonly waitMs: number;
}

/** That a manager answered, and which one. */
export type ManagerLink = LinkProof & {
  /** Its agent port. */
  readonly endpoint: Endpoint;
  /** Present: it is a Wazuh 5, and this is where it takes its agents. */
  readonly https?: HttpsEndpoint;
};

/**
 * Proves the link with the first of the managers that acknowledges the key, as an agent goes through its servers.
 *
 * @throws EnrollError of the manager that came closest: one that is there and does not know the key tells more than one
 * that is not there. It never says that nothing is installed, for the key is
 */
export async function proveLinkAtAny(
  journey: Journey,
  managers: readonly ManagerSettings[],
  request: ProofRequest,
): Promise<ManagerLink> {
  const failed: { readonly manager: ManagerSettings; readonly error: EnrollError }[] = [];
  for (const manager of managers) {
    try {
      return await proveLink(journey, manager, request);
    } catch (thrown) {
      if (journey.signal.aborted) throw notAcknowledged(abortReason(journey.signal));
      if (!(thrown instanceof EnrollError)) throw thrown;
      if (!isOfTheLink(thrown)) throw notAcknowledged(thrown);
      failed.push({ manager, error: thrown });
    }
  }
  const closest =
    failed.find(({ error }) => error.code === 'LINK_NOT_ACKNOWLEDGED') ??
    failed.find(({ error }) => error.code === 'LINK_UNANSWERED') ??
    failed.find(({ error }) => error.code === 'LINK_OTHER_SERVICE') ??
    failed[0];
  if (closest === undefined) throw new EnrollError('MANAGER_MISSING', 'No manager is named.');
  if (failed.length === 1) throw notAcknowledged(closest.error);
  const others = failed
    .filter((one) => one !== closest)
    .map(({ manager, error }) => `${formatEndpoint(manager.agent)}: ${error.message}`);
  throw reworded(notAcknowledged(closest.error), `${closest.error.message} ${others.join(' ')}`);
}

/** The same in other words: what was seen stays with it. */
function reworded(error: EnrollError, message: string, hint = error.hint): EnrollError {
  const details = { hint, cause: error };
  return error instanceof LinkError
    ? new LinkError(error.code, message, error.evidence, details)
    : new EnrollError(error.code, message, details);
}

/** Whether another manager may do better. That a name has no address is of the link too. */
function isOfTheLink({ code }: EnrollError): boolean {
  return code.startsWith('LINK_');
}

/** By which way a manager takes its agents. `unknown`: both have to be tried, for nothing tells. */
type Way = { readonly kind: 'https'; readonly at: HttpsEndpoint } | { readonly kind: 'messages' | 'unknown' };

/** Proves the link to one manager, by the way that it takes its agents. */
async function proveLink(journey: Journey, manager: ManagerSettings, request: ProofRequest): Promise<ManagerLink> {
  const way = wayTo(journey, manager, request);
  if (way.kind === 'https') return await overHttps(journey, manager, way.at, request);
  if (way.kind === 'unknown') return await eitherWay(journey, manager, request);
  try {
    return await byMessages(journey, manager, request);
  } catch (thrown) {
    const at = await upgradedTo(journey, manager, thrown);
    if (at === undefined) throw thrown;
    return await overHttps(journey, manager, at, request);
  }
}

function wayTo({ settings }: Journey, manager: ManagerSettings, { family, https, links }: ProofRequest): Way {
  if (https?.of === manager) return { kind: 'https', at: https.manager };
  if (manager.https !== undefined) return { kind: 'https', at: manager.https };
  // Whoever says how messages are to be sent wants them sent.
  if (manager.protocol !== 'auto' || settings.cipher !== 'auto') return { kind: 'messages' };
  const worked = links?.get(endpointKey(manager.agent));
  if (worked?.protocol === 'https') {
    return { kind: 'https', at: { host: manager.agent.host, port: worked.port, prefix: worked.prefix } };
  }
  if (worked !== undefined) return { kind: 'messages' };
  // What authd says is alike in 4.x and on the old port of a 5.x.
  return family === 'ossec' || family === 'wazuh-3' ? { kind: 'messages' } : { kind: 'unknown' };
}

async function overHttps(
  journey: Journey,
  manager: ManagerSettings,
  at: HttpsEndpoint,
  { record, https, fresh = false, notes, waitMs }: ProofRequest,
): Promise<ManagerLink> {
  const endpoint = { host: at.host, port: at.port };
  journey.observe({ kind: 'proving', endpoint, waitMs, https: true });
  const trust = await trustOfLink(journey, at, notes, https?.of === manager ? https.anchor : undefined);
  const proof = await proveByHttps(journey, at, { record, trust, fresh, waitMs });
  journey.observe({ kind: 'proved', proof });
  return { ...proof, endpoint: manager.agent, https: at };
}

async function byMessages(
  journey: Journey,
  manager: ManagerSettings,
  { record, family, links, waitMs }: ProofRequest,
): Promise<ManagerLink> {
  journey.observe({ kind: 'proving', endpoint: manager.agent, waitMs });
  const worked = links?.get(endpointKey(manager.agent));
  const proof = await proveByMessages(journey, manager, {
    record,
    waitMs,
    family,
    worked: worked?.protocol === 'https' ? undefined : worked,
  });
  journey.observe({ kind: 'proved', proof });
  return { ...proof, endpoint: manager.agent };
}

/** Sends messages, and looks beside that whether it is a Wazuh 5: then its way is taken. */
async function eitherWay(journey: Journey, manager: ManagerSettings, request: ProofRequest): Promise<ManagerLink> {
  const { discoveries, signal } = journey;
  const found = new AbortController();
  const look = discoveries.of(manager, journey);
  look.then(
    ({ kind }) => (kind === 'wazuh-5' ? found.abort() : undefined),
    () => {},
  );
  try {
    return await byMessages({ ...journey, signal: AbortSignal.any([signal, found.signal]) }, manager, request);
  } catch (thrown) {
    const seen = await soFar(look);
    const at = whereItIs(seen);
    if (at !== undefined) return await overHttps(journey, manager, at, request);
    throw request.family === 'wazuh-5' ? ofWazuh5(thrown, manager, seen) : thrown;
  }
}

/**
 * What a Wazuh 5 is like that answers neither to messages nor over HTTPS: the first are for agents of 4.x, and can be
 * switched off there.
 */
function ofWazuh5(thrown: unknown, { agent: { host } }: ManagerSettings, seen: Discovery | undefined): unknown {
  if (!(thrown instanceof EnrollError)) return thrown;
  const where = { host, port: HTTPS_PORT };
  const found = seen === undefined ? `${formatEndpoint(where)} has not answered` : discoveryInWords(seen, where);
  const text = `${thrown.message} This manager is a Wazuh 5, whose agents connect over HTTPS: ${found}.`;
  return reworded(
    thrown,
    text,
    'The key is installed. Check that port 1517 (TCP) of the manager can be reached, or name its endpoint: --manager https://HOST[:PORT]. Agents of 4.x use port 1514, where <legacy> in <remote> is enabled on the manager.',
  );
}

/** How long a look may take once nothing else is to be waited for, in milliseconds. */
const LATE_LOOK_MS = 1000;

/** Where a manager takes its agents that does not take messages any more; `undefined`: it is no Wazuh 5. */
async function upgradedTo(
  journey: Journey,
  manager: ManagerSettings,
  thrown: unknown,
): Promise<HttpsEndpoint | undefined> {
  const { settings, discoveries, signal } = journey;
  if (!(thrown instanceof LinkError)) return undefined;
  if (manager.protocol !== 'auto' || settings.cipher !== 'auto') return undefined;
  if (thrown.evidence.conclusion.kind === 'remoted' && thrown.code !== 'LINK_NOT_ACKNOWLEDGED') return undefined;
  const late = pause(LATE_LOOK_MS, signal).then(() => undefined);
  return whereItIs(await Promise.race([discoveries.of(manager, journey), late]));
}

/** Where the Wazuh 5 is that a look has found; `undefined`: it has found none, or nothing yet. */
function whereItIs(seen: Discovery | undefined): HttpsEndpoint | undefined {
  return seen?.kind === 'wazuh-5' ? seen.manager : undefined;
}
