import { HTTPS_PORT, HTTPS_PREFIX, type HttpsEndpoint, httpsUrl, parseHttpsUrl } from '../model/https-endpoint.js';
import { printable } from '../model/printable.js';
import { isSameHost } from '../model/zone.js';
import type { AskedMethod } from './asked-method.js';
import type { NamedServer } from './conf-servers.js';
import type { FoundToken } from './enrollment-token.js';
import { describeOrigin, type Origin, type Sourced } from './origin.js';
import type { ManagerSettings, Warn } from './settings.js';
import type { Sources } from './sources.js';
import { parseHostPort, parseManagerHost, refuse, splitManagers } from './values.js';

/** A manager as a setting names it. */
export type NamedManager =
  | { readonly kind: 'plain'; readonly host: string; readonly port?: number }
  /** `port` and `prefix` are there where the text says them. */
  | { readonly kind: 'https'; readonly host: string; readonly port?: number; readonly prefix?: string };

/** What a setting that names a manager can be, in words. */
export const A_MANAGER = 'HOST or HOST:PORT, with a port from 1 to 65535, or https://HOST[:PORT][/PREFIX]';

/** `HOST`, `HOST:PORT`, or the https URL of a Wazuh 5. */
export function parseManager(text: string): NamedManager | undefined {
  const [, authority, path] = /^https:\/\/([^/]*)(\/.*)?$/is.exec(text) ?? [];
  if (authority === undefined) {
    const plain = parseHostPort(text);
    return plain === undefined ? undefined : { kind: 'plain', ...plain };
  }
  const endpoint = parseHttpsUrl(text);
  if (endpoint === undefined || parseManagerHost(endpoint.host) === undefined) return undefined;
  const { host, port, prefix } = endpoint;
  return {
    kind: 'https',
    host,
    ...(/:\d+$/.test(authority) ? { port } : {}),
    ...(path === undefined ? {} : { prefix }),
  };
}

/** A Wazuh 5 that is named as such. */
export function httpsManager(host: string, port = HTTPS_PORT, prefix = HTTPS_PREFIX): ManagerSettings {
  return ofEndpoint({ host, port, prefix });
}

/** The manager of a token. */
export function ofEndpoint(https: HttpsEndpoint): ManagerSettings {
  const endpoint = { host: https.host, port: https.port };
  return { agent: endpoint, protocol: 'auto', enrollment: endpoint, https };
}

/** What is for managers of before Wazuh 5 alone. */
const OF_MESSAGES = ['port', 'protocol', 'cipher', 'enrollment-server', 'enrollment-port'] as const;

/**
 * What was said on the command line that has a meaning for managers of before Wazuh 5 alone, so that those are meant. A
 * variable may be there for all hosts.
 */
export function wantsMessages(sources: Sources, method: Sourced<AskedMethod>): Origin | undefined {
  if (method.value === 'authd') return method.origin;
  if (method.value === 'https') return undefined;
  const given = OF_MESSAGES.map((name) => sources.text(name));
  return given.find((text) => text?.origin.kind === 'flag' && text.value.trim().toLowerCase() !== 'auto')?.origin;
}

/**
 * Refuses what has no meaning for any of the managers, as all of them are asked by https.
 * @throws EnrollError `SETTING_INVALID`
 */
export function requireMeaning(
  managers: readonly ManagerSettings[],
  named: Origin,
  sources: Sources,
  method: Sourced<AskedMethod>,
): void {
  const first = managers.find(({ https }) => https !== undefined)?.https;
  if (first === undefined) return;
  const origin = wantsMessages(sources, method);
  // Beside others it is for those, but for the method, which is one for all.
  const isForOthers = method.value !== 'authd' && managers.some(({ https }) => https === undefined);
  if (origin === undefined || isForOthers) return;
  throw refuse(
    origin,
    `it is for managers before Wazuh 5, and ${httpsUrl(first)} (${describeOrigin(named)}) is asked by https.`,
    'Leave it out, or name the manager as HOST. The port of an https manager stands in its URL.',
  );
}

/**
 * Makes sure that whoever names a manager beside a token means the one of the token. What only ossec.conf says is told.
 * @throws EnrollError `SETTING_INVALID`
 */
export function requireAgreement({ token, origin }: FoundToken, sources: Sources, warn: Warn): void {
  const { manager } = token;
  const given = sources.text('manager');
  const named = `the enrollment token (${describeOrigin(origin)}) is for ${httpsUrl(manager)}`;
  if (given !== undefined) {
    const other = splitManagers(given).find((text) => !isMeant(parseManager(text), manager));
    if (other === undefined) return;
    throw refuse(
      given.origin,
      `it names ${printable(other)}, and ${named}.`,
      'Leave it out, or take the token of that manager.',
    );
  }
  const { servers } = sources;
  const [left] = servers;
  if (left === undefined || servers.some((server) => isServer(server, manager))) return;
  const { value, origin: place } = sources.fromConf(left.address);
  warn(`${describeOrigin(place)} names ${printable(value)}, and ${named}, which counts.`);
}

function isMeant(named: NamedManager | undefined, { host, port, prefix }: HttpsEndpoint): boolean {
  if (named === undefined || !isSameHost(named.host, host) || (named.port ?? port) !== port) return false;
  return named.kind === 'plain' || (named.prefix ?? prefix) === prefix;
}

function isServer({ address }: NamedServer, { host }: HttpsEndpoint): boolean {
  return isSameHost(address.value, host);
}
