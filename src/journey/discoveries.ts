import { type Endpoint, endpointKey } from '../model/endpoint.js';
import { HTTPS_PORT } from '../model/https-endpoint.js';
import { dialThrough } from '../net/proxy.js';
import { type Discovery, type DiscoveryRequest, discover } from '../obtain/https/discovery.js';
import type { ManagerSettings, Settings } from '../settings/settings.js';
import type { JourneyEdge } from './journey-edge.js';

/** What looking for a Wazuh 5 needs. */
export interface LookingJourney {
  readonly settings: Settings;
  readonly edge: Pick<JourneyEdge, 'dial'>;
  readonly signal: AbortSignal;
}

/**
 * Which managers are a Wazuh 5, looked for once a run: its agents speak to it over HTTPS. A look goes on beside whatever
 * else is done, and an agent's manager of before 5 has a closed port there.
 */
export class Discoveries {
  readonly #found = new Map<string, Promise<Discovery>>();

  /** Begins to look, or gives what was found. It never fails but with the reason of the run's signal. */
  of(manager: ManagerSettings, { settings, edge, signal }: LookingJourney): Promise<Discovery> {
    const where: DiscoveryRequest & Endpoint = manager.https ?? { host: manager.agent.host, port: HTTPS_PORT };
    const key = endpointKey(where);
    const before = this.#found.get(key);
    if (before !== undefined) return before;
    const look = lookAt(where, { settings, edge, signal });
    // Who has no use for it any more does not wait for it either.
    look.catch(() => {});
    this.#found.set(key, look);
    return look;
  }
}

function lookAt(where: DiscoveryRequest, { settings, edge, signal }: LookingJourney): Promise<Discovery> {
  const { timeoutMs, clientCertificate, proxy } = settings;
  const dial = dialThrough(proxy, edge.dial, timeoutMs);
  return discover(where, { dial, timeoutMs, clientCertificate }, signal);
}

/** What was found so far; `undefined`: that is not known yet. */
export function soFar(look: Promise<Discovery>): Promise<Discovery | undefined> {
  return Promise.race([look, Promise.resolve(undefined)]);
}
