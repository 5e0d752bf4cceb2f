import type { IdentifyRequest } from '../host/identify.js';
import { proxyFor } from '../net/proxy.js';
import { apiAddress } from '../obtain/api/url.js';
import type { ManagerSettings, Settings } from '../settings/settings.js';

/** What the settings say about this host, towards one manager. */
export function identifyRequest(
  { managers, name, ip, proxy, api, trust }: Settings,
  manager: ManagerSettings,
): IdentifyRequest {
  // An API without a URL of its own is at the manager.
  const apiEndpoint = api?.url === undefined ? undefined : apiAddress(api.url, trust.insecure).endpoint;
  // Through a proxy the way to it is not known, and the agent's messages do not take it.
  const isSeen = apiEndpoint !== undefined && proxyFor(apiEndpoint, proxy) === undefined;
  return {
    name,
    ip,
    manager: manager.agent,
    others: managers.filter((one) => one !== manager).map(({ agent }) => agent),
    viaProxy: proxyFor(manager.agent, proxy) !== undefined,
    ...(isSeen ? { api: apiEndpoint } : {}),
  };
}
