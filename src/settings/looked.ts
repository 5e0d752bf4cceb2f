import { readClientCertificate, readTrust } from './credentials.js';
import { apiEndpoint } from './method.js';
import type { Settings } from './settings.js';
import type { SettingsEdge } from './settings-edge.js';
import type { Sources } from './sources.js';

/**
 * What it takes to look at the enrollment service and the API without asking them for anything: how they would be trusted,
 * and as whom this host shows itself. No password is read.
 *
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`, the origin named
 */
export async function readLooked(
  sources: Sources,
  edge: SettingsEdge,
): Promise<Pick<Settings, 'trust' | 'clientCertificate' | 'apiUrl'>> {
  const { trust } = await readTrust(sources, edge);
  const client = await readClientCertificate(sources, edge);
  const url = sources.text('api-url');
  // Plain http shows nothing to anybody where no credentials are sent.
  if (url !== undefined) apiEndpoint(url, true);
  return {
    trust,
    ...(client === undefined ? {} : { clientCertificate: client.certificate }),
    ...(url === undefined ? {} : { apiUrl: url.value }),
  };
}
