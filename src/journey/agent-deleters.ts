import type { Endpoint } from '../model/endpoint.js';
import { type AgentDeleter, agentDeleter } from '../obtain/api/delete-agent.js';
import { apiAddress } from '../obtain/api/url.js';
import type { ApiSettings, ManagerSettings } from '../settings/settings.js';
import type { PreparedJourney } from './context.js';
import { apiAccess, apiUrl } from './key-sources.js';

/** Who has agents deleted, and where that is. */
export interface AskedDeleter {
  readonly deleter: AgentDeleter;
  readonly endpoint: Endpoint;
}

/**
 * The REST API of a manager, to delete agents.
 * @param manager absent: the API has a URL of its own
 */
export function agentDeleterFor(
  journey: PreparedJourney,
  manager: ManagerSettings | undefined,
  api: ApiSettings,
): AskedDeleter {
  const url = manager === undefined ? (api.url ?? '') : apiUrl(api, manager);
  const deleter = agentDeleter(apiAccess(journey, url, api));
  return { deleter, endpoint: apiAddress(url, journey.settings.trust.insecure).endpoint };
}
