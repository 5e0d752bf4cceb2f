import ipaddr from 'ipaddr.js';

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
export const DEFAULT_ENDPOINT = { port: 1517, prefix: 'wazuh-manager' } as const;

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const DNS_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);

/**
 * Reads `[https://]host[:port][/[prefix]]`, as `<endpoint>` has it and, without the scheme, the address of an enrollment
 * token (Wazuh 5.0). A slash without a prefix after it means none. `undefined`: it is no such endpoint.
 */
export function parseEndpoint(text: string): AgentEndpoint | undefined {
  const match = /^(?:https:\/\/)?(\[[^\]]*\]|[^:/]*)(?::(\d{1,5}))?(\/[A-Za-z0-9._~/-]*)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, name = '', digits, path] = match;
  const host = parseHostPart(name);
  const port = digits === undefined ? DEFAULT_ENDPOINT.port : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { ...host, port, prefix: path === undefined ? DEFAULT_ENDPOINT.prefix : path.replace(/^\/+|\/+$/g, '') };
}

function parseHostPart(name: string): Pick<AgentEndpoint, 'host' | 'zone'> | undefined {
  const inBrackets = /^\[([0-9A-Fa-f:.]+)(?:%(?:25)?([A-Za-z0-9._~-]+))?\]$/.exec(name);
  if (inBrackets !== null) {
    const [, host = '', zone] = inBrackets;
    if (!ipaddr.IPv6.isValid(host)) return undefined;
    return zone === undefined ? { host } : { host, zone };
  }
  const isAddress = /^[\d.]+$/.test(name);
  const isHost = isAddress ? ipaddr.IPv4.isValidFourPartDecimal(name) : DNS_NAME.test(name);
  return isHost ? { host: name } : undefined;
}

/** An endpoint as `<endpoint>` has it, without what goes without saying. */
export function formatAgentEndpoint({ host, zone, port, prefix }: AgentEndpoint): string {
  const name = host.includes(':') ? `[${host}${zone === undefined ? '' : `%25${zone}`}]` : host;
  const at = port === DEFAULT_ENDPOINT.port ? '' : `:${port}`;
  return `${name}${at}${prefix === DEFAULT_ENDPOINT.prefix ? '' : `/${prefix}`}`;
}
