import { registryValue } from './machine.js';
import type { SystemEdge } from './system.js';

const TCPIP = 'HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters';

/** The places where {@link fullHostName} looks, in words. */
export const FQDN_PLACES = {
  unix: 'the host name, /etc/hosts and /etc/resolv.conf',
  windows: `the host name and ${TCPIP}, Domain and DhcpDomain`,
} as const;

/**
 * The host's name with its domain, as the files of this host have it; `undefined` where none has. No name server is
 * asked (`hostname -f` may), so that a host has the same name whether or not the network is up.
 */
export async function fullHostName(system: SystemEdge, signal: AbortSignal): Promise<string | undefined> {
  const own = system.hostname().replace(/\.+$/, '');
  if (own === '' || own.includes('.')) return own === '' ? undefined : own;
  if (system.platform === 'windows') return await windowsName(own, system, signal);
  const listed = nameInHosts((await system.readText('/etc/hosts')) ?? '', own);
  if (listed !== undefined) return listed;
  return joined(own, domainInResolvConf((await system.readText('/etc/resolv.conf')) ?? ''));
}

async function windowsName(own: string, system: SystemEdge, signal: AbortSignal): Promise<string | undefined> {
  const domain =
    (await registryValue(TCPIP, 'Domain', system, signal)) ??
    (await registryValue(TCPIP, 'DhcpDomain', system, signal));
  return joined(own, domain);
}

function joined(own: string, domain: string | undefined): string | undefined {
  return domain === undefined ? undefined : `${own}.${domain}`;
}

/** With a dot at its end, in characters (RFC 1035). */
const LONGEST_NAME = 254;

/** The full name of a host in /etc/hosts: the first that is the host's name, a dot and a domain. */
export function nameInHosts(text: string, hostname: string): string | undefined {
  const wanted = `${hostname.toLowerCase()}.`;
  for (const line of text.split('\n')) {
    const [, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const found = names
      .filter((name) => name.length <= LONGEST_NAME)
      .map((name) => name.replace(/\.+$/, ''))
      .find((name) => name.toLowerCase().startsWith(wanted));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The domain of this host in resolv.conf: of several `domain` and `search` lines the last holds (resolv.conf(5)). */
export function domainInResolvConf(text: string): string | undefined {
  let found: string | undefined;
  for (const [, domain = ''] of text.matchAll(/^[ \t]*(?:domain|search)[ \t]+(\S{1,254})(?!\S)/gm)) {
    // systemd-resolved writes "search ." where it knows no domain.
    const bare = domain.replace(/^\.+|\.+$/g, '');
    found = bare === '' ? undefined : bare;
  }
  return found;
}
