import { abortReason, EnrollError } from '../errors.js';
import type { Endpoint } from '../model/endpoint.js';
import type { AgentInstallation, Host, HostAddress, HostName } from '../model/host.js';
import { isLoopback } from '../net/no-proxy.js';
import type { IpSetting } from './address-setting.js';
import { addressLease, routingFacts } from './facts.js';
import { agentName, checkAgentName } from './name.js';
import { placeholderValues } from './name-facts.js';
import { expandName, isNamePattern, placeholdersIn } from './name-pattern.js';
import { decideIp } from './register-ip.js';
import { type FindRoutes, plainAddress, type Route } from './route.js';
import type { SystemEdge } from './system.js';

/** What the settings say about this host. */
export interface IdentifyRequest {
  /** A name or a pattern; absent: the host's own name. */
  readonly name?: string | undefined;
  readonly ip: IpSetting;
  readonly manager: Endpoint;
  /** Managers that the agent may go to in its stead. */
  readonly others?: readonly Endpoint[];
  /** Whether the manager is reached through a proxy, whose address it sees then. */
  readonly viaProxy?: boolean;
  /** The REST API that is asked for the key, where it is not at the manager itself. */
  readonly api?: Endpoint;
}

/** What identification needs of the world. */
export interface IdentifyEdge {
  readonly system: SystemEdge;
  readonly findRoutes: FindRoutes;
}

/**
 * Who this host is: the name and address to enroll with, and the agent that was found on it. Contacts nobody but the name
 * servers.
 *
 * @throws EnrollError `NAME_UNUSABLE`, and the signal's reason
 */
export async function identify(
  asked: IdentifyRequest,
  agent: AgentInstallation,
  edge: IdentifyEdge,
  signal: AbortSignal,
): Promise<Host> {
  const name = await hostName(asked.name, edge.system, signal);
  const address = await hostAddress(asked, edge, signal);
  if (signal.aborted) throw abortReason(signal);
  return { name, address, agent };
}

/**
 * The name that this host enrolls with.
 * @throws EnrollError `NAME_UNUSABLE`
 */
export async function hostName(asked: string | undefined, system: SystemEdge, signal: AbortSignal): Promise<HostName> {
  if (asked === undefined) return agentName(system.hostname());
  if (!isNamePattern(asked)) return checkAgentName(asked);
  return expandName(asked, await placeholderValues(placeholdersIn(asked), system, signal));
}

/**
 * The address to register with one manager. A manager to which no way is found is no failure here (a proxy may know
 * the way): the record is `any` then, and connecting says what is wrong.
 *
 * @throws EnrollError the signal's reason
 */
export async function hostAddress(
  { ip: asked, manager, others = [], viaProxy, api }: Omit<IdentifyRequest, 'name'>,
  { system, findRoutes }: IdentifyEdge,
  signal: AbortSignal,
): Promise<HostAddress> {
  if (asked.kind !== 'auto') return decideIp(asked, undefined);
  // The name of the manager need not be known here: it is the proxy that looks it up.
  if (viaProxy === true) return decideIp(asked, 'proxied');
  let routes: readonly [Route, ...Route[]];
  try {
    routes = await findRoutes(manager, signal);
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    return decideIp(asked, undefined);
  }
  const [route, ...further] = routes;
  const facts = await routingFacts(route, system);
  const kept = decideIp(asked, { ...facts, lease: 'permanent' });
  // Asking for the lease can take a second on Windows, and matters only where the address would be taken.
  if (kept.register.kind === 'any') return kept;
  const otherwise = await otherWay(further, others, route.local, findRoutes, signal);
  if (otherwise !== undefined) return decideIp(asked, { ...facts, lease: 'permanent', otherwise });
  const fromElsewhere = api === undefined ? undefined : await otherSource(api, route.local, findRoutes, signal);
  if (fromElsewhere !== undefined) return decideIp(asked, { ...facts, lease: 'permanent', apiSees: fromElsewhere });
  return decideIp(asked, { ...facts, lease: await addressLease(route.local, system, signal) });
}

/**
 * A way to another address of the manager, or to another manager, on which this host has another address than `local`.
 * A manager to which no way is found now tells nothing.
 */
async function otherWay(
  further: readonly Route[],
  others: readonly Endpoint[],
  local: string,
  findRoutes: FindRoutes,
  signal: AbortSignal,
): Promise<Route | undefined> {
  const ways = [...further];
  for (const other of others) {
    try {
      ways.push(...(await findRoutes(other, signal)));
    } catch (thrown) {
      if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    }
  }
  return ways.find((way) => plainAddress(way.local) !== plainAddress(local));
}

/**
 * The address from which this host reaches the API, where that is another one than `local`. An API on this host itself
 * is the end of a tunnel, which tells nothing.
 */
async function otherSource(
  api: Endpoint,
  local: string,
  findRoutes: FindRoutes,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const [route] = await findRoutes(api, signal);
    return route.local === local || isLoopback({ host: route.manager, port: api.port }) ? undefined : route.local;
  } catch (thrown) {
    if (signal.aborted || !(thrown instanceof EnrollError)) throw thrown;
    // Connecting to it says what is wrong.
    return undefined;
  }
}
