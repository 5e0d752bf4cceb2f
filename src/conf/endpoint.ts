import ipaddr from 'ipaddr.js';
import { formatHttpsEndpoint, HTTPS_PORT, HTTPS_PREFIX, parseHttpsUrl } from '../model/https-endpoint.js';

/** Where Wazuh 5 agents reach their manager: by https, below a prefix. */
export interface AgentEndpoint {
  /** A name or an address; IPv6 without brackets and zone. */
  readonly host: string;
  /** The interface by which a link-local address is reached. */
  readonly zone?: string;
  readonly port: number;
  /** Without slashes around it; empty: there is none. */
  readonly prefix: string;
}

/** What an endpoint has that says no more than the host (Wazuh 5.0). */
export const DEFAULT_ENDPOINT = { port: HTTPS_PORT, prefix: HTTPS_PREFIX } as const;

/**
 * Reads `[https://]host[:port][/[prefix]]`, as `<endpoint>` has it (Wazuh 5.0). A slash without a prefix after it means
 * none. Beside what a token may have, the zone of an address may be written as `%eth0`; a number that is no IPv4 address
 * is one that was mistyped. `undefined`: it is no such endpoint.
 */
export function parseEndpoint(text: string): AgentEndpoint | undefined {
  const parsed = parseHttpsUrl(text.trim().replace(/%(?!25)/, '%25'));
  if (parsed === undefined) return undefined;
  const { host, port, prefix } = parsed;
  const [name = '', zone] = host.split('%');
  if (/^[\d.]+$/.test(name) && !ipaddr.IPv4.isValidFourPartDecimal(name)) return undefined;
  return { host: name, ...(zone === undefined ? {} : { zone }), port, prefix };
}

/** An endpoint as `<endpoint>` has it, without what goes without saying. */
export function formatAgentEndpoint({ host, zone, port, prefix }: AgentEndpoint): string {
  return formatHttpsEndpoint({ host: zone === undefined ? host : `${host}%${zone}`, port, prefix });
}
