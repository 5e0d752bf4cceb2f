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

/**
 * The real processes. On Linux a start is the boot's id and the clock ticks since then (proc(5), `stat`, field 22).
 *
 * @param proc where the system tells of them; elsewhere than on Linux nothing is there
 */
export function nodeProcesses(proc = '/proc'): Processes {
  const boot = read(`${proc}/sys/kernel/random/boot_id`)?.trim();
  const numbers = link(`${proc}/self/ns/pid`);
  // Ticks are told by the clock of the reader's time namespace (Linux 5.6), so they compare within one only.
  const ticks = link(`${proc}/self/ns/time`) ?? '';
  // A /proc of a namespace above knows a process by several numbers, its own there first.
  const own = /^NSpid:\t(\d+)$/m.exec(read(`${proc}/self/status`) ?? '')?.[1] === String(process.pid);
  const look = (pid: number | 'self'): ProcessLook => {
    const stat = own ? parseStat(read(`${proc}/${pid}/stat`) ?? '') : undefined;
    if (stat !== undefined && ENDED.test(stat.state)) return { runs: false };
    return { runs: true, ...(stat === undefined || boot === undefined ? {} : { start: `${boot} ${stat.ticks}` }) };
  };
  const self = look('self');
  return {
    pid: process.pid,
    ...(self.runs && self.start !== undefined ? { start: self.start } : {}),
    ...(numbers === undefined || boot === undefined ? {} : { space: `${boot} ${numbers} ${ticks}` }),
    look: (pid) => (isRunning(pid) ? look(pid) : { runs: false }),
  };
}

/**
 * State and start out of `/proc/PID/stat` (proc(5), the third field and the 22nd, in clock ticks since the boot); the
 * second is a name in parentheses that may hold anything.
 */
export function parseStat(stat: string): { readonly state: string; readonly ticks: number } | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  const ticks = /^\d{1,15}$/.exec(fields[19] ?? '')?.[0];
  return ticks === undefined ? undefined : { state, ticks: Number(ticks) };
}

/** A process that has ended keeps its number until its parent has asked for its end, which in a container may be never. */
const ENDED = /^[ZXx]$/;

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
