/**
 * The networks of a fleet. The bench runs in a network namespace of its own, and each process with hosts in one more, joined
 * to the first by a pair of virtual interfaces: what a host sends leaves its machine, and comes from an address of its own.
 *
 * The sandbox listens on loopback and nowhere else. So the hosts' namespaces have no loopback of their own: 127.0.0.1 is
 * routed to the manager's, which takes it (`route_localnet`).
 */
import { execFileSync, spawnSync } from 'node:child_process';

/** How a process with hosts is started and joined to the manager's network. */
export interface Network {
  readonly kind: 'namespaces' | 'loopback';
  /** What starts Node in the place of Node, and its arguments. */
  readonly start: { readonly execPath?: string; readonly execArgv?: readonly string[] };
  /** The first two numbers of the addresses that the hosts of a process have. */
  prefixOf(part: number): string;
  /** Joins a process that has been started. */
  join(pid: number, part: number): void;
}

/** Makes a namespace for what follows it. Who is not root is root in it. */
const UNSHARE = ['--net', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];

/** All hosts on loopback, each with an address of its own there. */
export const LOOPBACK: Network = {
  kind: 'loopback',
  start: {},
  prefixOf: (part) => `127.${16 + part}`,
  join: () => {},
};

/** Hosts in namespaces of their own, for a bench that runs in one: see {@link runInside}. */
export const NAMESPACES: Network = {
  kind: 'namespaces',
  // The namespace of a child lies in that of the bench, where the bench may do all.
  start: { execPath: 'unshare', execArgv: ['--net', process.execPath, ...process.execArgv] },
  prefixOf: (part) => `10.${64 + part}`,
  join: (pid, part) => {
    const [near, far, prefix] = [`10.63.${part}.1`, `10.63.${part}.2`, `${NAMESPACES.prefixOf(part)}.0.0/16`];
    const inside = (...command: readonly string[]) => runs('nsenter', '--target', String(pid), '--net', ...command);
    runs('ip', 'link', 'add', `hosts${part}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid));
    runs('ip', 'addr', 'add', `${near}/30`, 'dev', `hosts${part}`);
    runs('ip', 'link', 'set', `hosts${part}`, 'up');
    runs('ip', 'route', 'add', prefix, 'via', far);
    inside('ip', 'link', 'set', 'lo', 'up');
    inside('ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo');
    inside('ip', 'addr', 'add', `${far}/30`, 'dev', 'eth0');
    inside('ip', 'link', 'set', 'eth0', 'up');
    inside('ip', 'route', 'add', 'local', prefix, 'dev', 'lo');
    inside('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
    inside('ip', 'route', 'add', '127.0.0.1', 'via', near);
  },
};

/** Whether this system lets us have networks, and has the tools for it. */
export function hasNamespaces(): boolean {
  return (
    ['ip -V', 'nsenter -V', 'sysctl -V'].every((command) => succeeds('sh', ['-c', command])) &&
    succeeds('unshare', [...UNSHARE, 'unshare', '--net', 'true'])
  );
}

/** Runs this program again, with one more argument, in a network of its own. @returns its exit code */
export function runInside(argument: string): number {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1), argument];
  return spawnSync('unshare', [...UNSHARE, ...again], { stdio: 'inherit' }).status ?? 1;
}

/** Makes the network that {@link runInside} gave us ready for a manager. */
export function prepareManager(): void {
  runs('ip', 'link', 'set', 'lo', 'up');
  runs('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
}

function runs(file: string, ...args: readonly string[]): void {
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function succeeds(file: string, args: readonly string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}
