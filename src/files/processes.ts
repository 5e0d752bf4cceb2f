import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../errors.js';

/** This process among the others of its system, as a lock must know it. */
export interface Processes {
  readonly pid: number;
  /** What tells this process from others that had or will have its number; absent where the system does not tell. */
  readonly start?: string;
  /** The numbers of processes hold within this space alone (Linux: the pid namespace); absent where there is but one. */
  readonly space?: string;
  /** Of another process in the same space: whether it runs, and if that is known, the start that belongs to it. */
  look(pid: number): ProcessLook;
}

/** What is seen of a process. */
export type ProcessLook = { readonly runs: false } | { readonly runs: true; readonly start?: string };

/** The real processes. On Linux a start is the boot's id and the clock ticks since then (proc(5), `stat`, field 22). */
export function nodeProcesses(): Processes {
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim();
  const space = link('/proc/self/ns/pid');
  // A /proc of another namespace knows this process by another number, and so all others.
  const own = link('/proc/self') === String(process.pid);
  const startOf = (pid: number | 'self') => {
    const ticks = own && boot !== undefined ? startTicks(read(`/proc/${pid}/stat`) ?? '') : undefined;
    return ticks === undefined ? undefined : `${boot} ${ticks}`;
  };
  const start = startOf('self');
  return {
    pid: process.pid,
    ...(start === undefined ? {} : { start }),
    ...(space === undefined || boot === undefined ? {} : { space: `${boot} ${space}` }),
    look(pid) {
      if (!isRunning(pid)) return { runs: false };
      const itsStart = startOf(pid);
      return { runs: true, ...(itsStart === undefined ? {} : { start: itsStart }) };
    },
  };
}

/** The 22nd field; the second is a name in parentheses that may hold anything. */
function startTicks(stat: string): string | undefined {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return systemCode(error) !== 'ESRCH';
  }
}
