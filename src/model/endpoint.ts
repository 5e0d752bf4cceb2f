import ipaddr from 'ipaddr.js';

/** The families of manager that differ on the wire. */
export type ManagerFamily = 'ossec' | 'wazuh-3' | 'wazuh-4' | 'wazuh-5';

/** A host name or address (IPv6 without brackets) and a port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The endpoint as people write it: `host:port`, IPv6 in brackets. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * An endpoint as what is remembered names it, the same for every way to write one host: `host:port` in lower case,
 * without the dot of a full name, an address in its shortest form.
 */
export function endpointKey({ host, port }: Endpoint): string {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (ipaddr.IPv4.isValidFourPartDecimal(name) || (name.includes(':') && ipaddr.IPv6.isValid(name))) {
    return formatEndpoint({ host: ipaddr.process(name).toString(), port });
  }
  return formatEndpoint({ host: name, port });
}

/** The key of an endpoint that was written as `host:port`; a text that is none stays as it is. */
export function endpointKeyOf(text: string): string {
  const [, address, name = address, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  return name === undefined ? text : endpointKey({ host: name, port: Number(port) });
}
