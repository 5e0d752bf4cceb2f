import type { Endpoint } from '../model/endpoint.js';
import { type AgentDeleter, agentDeleter } from '../obtain/api/delete-agent.js';
import { apiAddress } from '../obtain/api/url.js';
import type { ApiSettings } from '../settings/settings.js';
import type { PreparedJourney } from './context.js';
import { apiAccess } from './key-sources.js';

/** Who has agents deleted, and where that is. */
export interface AskedDeleter {
  readonly deleter: AgentDeleter;
  readonly endpoint: Endpoint;
}

/** The REST API of a manager, to delete agents. */
export function agentDeleterFor(journey: PreparedJourney, url: string, api: ApiSettings): AskedDeleter {
  const deleter = agentDeleter(apiAccess(journey, url, api));
  return { deleter, endpoint: apiAddress(url, journey.settings.trust.insecure).endpoint };
}
