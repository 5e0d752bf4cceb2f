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
