import ipaddr from 'ipaddr.js';
import { type Endpoint, formatEndpoint } from './endpoint.js';

/** Where the remoted of a Wazuh 5 takes its agents: over HTTPS, below a prefix. */
export interface HttpsEndpoint extends Endpoint {
  /** What stands before each path, without slashes around it; empty: nothing. */
  readonly prefix: string;
}

/** Where remoted listens unless it was told otherwise. */
export const HTTPS_PORT = 1517;

/** The prefix that remoted has unless it was told otherwise; of its pre-releases some have none. */
export const HTTPS_PREFIX = 'wazuh-manager';

const LONGEST_NAME = 253;
const LABEL = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;
const PREFIX = /^[A-Za-z0-9._~/-]*$/;
const ZONE = /^[A-Za-z0-9._~-]+$/;

/**
 * Reads `host[:port][/[prefix]]`, which is how the `adr` of an enrollment token names a manager: IPv6 in brackets, its
 * zone as `%25eth0`; `host` has the default prefix, `host/` has none. `undefined`: it is none.
 */
export function parseHttpsEndpoint(text: string): HttpsEndpoint | undefined {
  const [, authority = '', path] = /^([^/]*)(\/.*)?$/s.exec(text) ?? [];
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority) ?? [];
  const host = name.startsWith('[') ? addressIn(name) : hostName(name);
  const number = port === undefined ? HTTPS_PORT : portIn(port);
  if (host === undefined || number === undefined || !PREFIX.test(path ?? '')) return undefined;
  return { host, port: number, prefix: path === undefined ? HTTPS_PREFIX : path.replace(/^\/+|\/+$/g, '') };
}

/**
 * Reads `[https://]host[:port][/[prefix]]`, which is how `<endpoint>` of ossec.conf and `--manager https://…` name a
 * manager. Another scheme is none.
 */
export function parseHttpsUrl(text: string): HttpsEndpoint | undefined {
  return parseHttpsEndpoint(text.replace(/^https:\/\//i, ''));
}

/** The endpoint in its short form, `host[:port][/[prefix]]`, which {@link parseHttpsEndpoint} reads. */
export function formatHttpsEndpoint({ host, port, prefix }: HttpsEndpoint): string {
  const name = host.includes(':') ? `[${host.replace('%', '%25')}]` : host;
  return `${name}${port === HTTPS_PORT ? '' : `:${port}`}${prefix === HTTPS_PREFIX ? '' : `/${prefix}`}`;
}

/** The endpoint as a URL, for people: `https://manager:1517/wazuh-manager/`. */
export function httpsUrl(endpoint: HttpsEndpoint): string {
  return `https://${formatEndpoint(endpoint)}${pathAt(endpoint)}`;
}

/** The path of what is asked for below the prefix: `/wazuh-manager/enroll`; of the prefix itself `/wazuh-manager/`. */
export function pathAt({ prefix }: HttpsEndpoint, what = ''): string {
  return prefix === '' ? `/${what}` : `/${prefix}/${what}`;
}

/** Whether both name the same service: names are compared as name servers do. */
export function sameHttpsEndpoint(a: HttpsEndpoint, b: HttpsEndpoint): boolean {
  return a.host.toLowerCase() === b.host.toLowerCase() && a.port === b.port && a.prefix === b.prefix;
}

function hostName(name: string): string | undefined {
  if (name.length > LONGEST_NAME || !name.split('.').every((label) => LABEL.test(label))) return undefined;
  return name;
}

function addressIn(bracketed: string): string | undefined {
  const [, address = '', , zone] = /^\[([^%\]]*)(%25([^\]]*))?\]$/s.exec(bracketed) ?? [];
  if (!address.includes(':') || !ipaddr.IPv6.isValid(address)) return undefined;
  if (zone === undefined) return address;
  return ZONE.test(zone) ? `${address}%${zone}` : undefined;
}

function portIn(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
