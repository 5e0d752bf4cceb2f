import { listOf, memberOf, parseJson } from '../model/json.js';
import type { Lease, RoutingFacts } from './register-ip.js';
import { plainAddress, type Route } from './route.js';
import type { SystemEdge } from './system.js';

/** What the system tells about a way to a manager. The lease is asked for apart: it is the one slow question. */
export async function routingFacts(route: Route, system: SystemEdge): Promise<Omit<RoutingFacts, 'lease'>> {
  return { ...route, addresses: system.addresses(), container: await isContainer(system) };
}

const CONTAINER_FILES = [
  '/.dockerenv',
  '/run/.containerenv',
  '/run/systemd/container',
  '/var/run/secrets/kubernetes.io/serviceaccount',
];

/** Whether this host is a container (Docker, Podman, Kubernetes, LXC, systemd-nspawn). Windows: never known. */
export async function isContainer(system: SystemEdge): Promise<boolean> {
  if (system.platform === 'windows') return false;
  for (const path of CONTAINER_FILES) if (await system.exists(path)) return true;
  const environment = (await system.readText('/proc/1/environ')) ?? '';
  if (environment.split('\0').some((entry) => /^container=./.test(entry))) return true;
  const groups = (await system.readText('/proc/1/cgroup')) ?? '';
  return /[/:](?:docker|kubepods|libpod|lxc|containerd|machine\.slice|crio)[-./]/.test(groups);
}

/** Whether a local address stays: as far as the system tells, else `unknown`. */
export async function addressLease(address: string, system: SystemEdge, signal: AbortSignal): Promise<Lease> {
  const local = plainAddress(address);
  if (system.platform === 'windows') return windowsLease(local, system, signal);
  const told = await toolLease(local, system, signal);
  if (told === 'leased' || told === 'temporary') return told;
  // Some DHCP clients give the kernel no lifetime; their lease files know.
  if (await inLeaseFiles(local, system)) return 'leased';
  if (told !== 'unknown') return told;
  return local.includes(':') ? leaseByIfInet6((await system.readText('/proc/net/if_inet6')) ?? '', local) : 'unknown';
}

async function toolLease(address: string, system: SystemEdge, signal: AbortSignal): Promise<Lease> {
  for (const path of ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip']) {
    if (!(await system.exists(path))) continue;
    const printed = await system.run(path, ['-j', 'addr'], signal);
    return printed === undefined ? 'unknown' : leaseByIpTool(printed, address);
  }
  return 'unknown';
}

const FOR_EVER = 0xffff_ffff;

/** Reads what `ip -j addr` (iproute2) prints: `dynamic` is an address with a lifetime, `temporary` one of RFC 8981. */
export function leaseByIpTool(json: string, address: string): Lease {
  for (const link of listOf(parseJson(json))) {
    for (const entry of listOf(memberOf(link, 'addr_info'))) {
      const local = memberOf(entry, 'local');
      if (typeof local !== 'string' || plainAddress(local) !== address) continue;
      if (memberOf(entry, 'temporary') === true) return 'temporary';
      const lifetime = memberOf(entry, 'valid_life_time');
      const ends = typeof lifetime === 'number' && lifetime < FOR_EVER;
      return memberOf(entry, 'dynamic') === true || ends ? 'leased' : 'permanent';
    }
  }
  return 'unknown';
}

/** Reads /proc/net/if_inet6: the fifth field holds the flags IFA_F_TEMPORARY (0x01) and IFA_F_PERMANENT (0x80). */
export function leaseByIfInet6(text: string, address: string): Lease {
  for (const line of text.split('\n')) {
    const [digits = '', , , , flags = ''] = line.trim().split(/\s+/);
    const own = digits.match(/[0-9a-f]{4}/gi)?.join(':') ?? '';
    if (digits.length !== 32 || plainAddress(own) !== address) continue;
    const bits = Number.parseInt(flags, 16);
    if (Number.isNaN(bits)) return 'unknown';
    if ((bits & 0x01) !== 0) return 'temporary';
    return (bits & 0x80) === 0 ? 'leased' : 'permanent';
  }
  return 'unknown';
}

const LEASE_DIRECTORIES = [
  '/run/systemd/netif/leases',
  '/var/lib/dhcp',
  '/var/lib/dhclient',
  '/var/lib/NetworkManager',
  '/run/NetworkManager',
];
const MOST_LEASE_FILES = 100;

async function inLeaseFiles(address: string, system: SystemEdge): Promise<boolean> {
  for (const directory of LEASE_DIRECTORIES) {
    const names = (await system.list(directory)).filter((name) => /^\d+$|\.leases?$/.test(name));
    for (const name of names.slice(0, MOST_LEASE_FILES)) {
      if (isInLeaseFile((await system.readText(`${directory}/${name}`)) ?? '', address)) return true;
    }
  }
  return false;
}

/** Whether a lease file of systemd-networkd or NetworkManager (`ADDRESS=`) or of dhclient (`fixed-address`) has an address. */
export function isInLeaseFile(text: string, address: string): boolean {
  for (const [, leased = ''] of text.matchAll(/^(?:ADDRESS=|[ \t]*(?:fixed-address|iaaddr)[ \t]+)([0-9a-fA-F.:]+)/gm)) {
    if (plainAddress(leased) === address) return true;
  }
  return false;
}

async function windowsLease(address: string, system: SystemEdge, signal: AbortSignal): Promise<Lease> {
  // The address is one that was parsed: it cannot end the quotes.
  if (!/^[0-9a-f.:]+$/.test(address)) return 'unknown';
  const { systemRoot = 'C:\\Windows' } = system.directories;
  const ask = `$a = Get-NetIPAddress -IPAddress '${address}' | Select-Object -First 1; "$($a.PrefixOrigin) $($a.SuffixOrigin)"`;
  const powershell = `${systemRoot}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
  const printed = await system.run(powershell, ['-NoProfile', '-NonInteractive', '-Command', ask], signal);
  return leaseByOrigin(printed ?? '');
}

/** Reads the two origins that PowerShell's Get-NetIPAddress has of an address; their names are the same in every language. */
export function leaseByOrigin(printed: string): Lease {
  const [prefix, suffix] = printed.trim().split(/\s+/);
  if (suffix === 'Random') return 'temporary';
  if (prefix === 'Dhcp' || suffix === 'Dhcp' || prefix === 'RouterAdvertisement') return 'leased';
  return prefix === 'Manual' || prefix === 'WellKnown' ? 'permanent' : 'unknown';
}
