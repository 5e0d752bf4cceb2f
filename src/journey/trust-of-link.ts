import { readAnchor } from '../keystore/anchor.js';
import type { Notes } from '../keystore/notes/notes.js';
import { type Endpoint, endpointKey } from '../model/endpoint.js';
import type { TrustSettings } from '../net/trust.js';
import type { Journey } from './context.js';

/**
 * By what a Wazuh 5 is trusted to which a key is proven: what was asked for, else the CA that was shown with the key or lies
 * beside it, as the agent itself trusts, else what an earlier run saw. The agent's user may have put that CA there; what is
 * sent shows nothing of the key.
 *
 * @param anchor the CA that was shown with the key, PEM
 */
export async function trustOfLink(
  { settings, agent, edge }: Journey,
  manager: Endpoint,
  { managers }: Notes,
  anchor: string | undefined,
): Promise<TrustSettings> {
  const { trust } = settings;
  if (trust.insecure || trust.ca !== undefined) return trust;
  const ca = anchor ?? (await readAnchor(agent, edge.disk))?.pem;
  if (ca !== undefined) return { ca, insecure: false };
  const known = managers.get(endpointKey(manager))?.fingerprint.replace(/^sha256:/, '');
  return { ...trust, ...(known === undefined ? {} : { firstUse: known }) };
}
