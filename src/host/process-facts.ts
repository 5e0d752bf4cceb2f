import { posix, win32 } from 'node:path';
import { parseStat } from '../files/processes.js';
import type { SystemEdge } from './system.js';

/** What is known of a running process. */
export interface ProcessFacts {
  /** When it was started, in milliseconds since 1970; absent: that is not told. */
  readonly startedAt?: number;
  /** What tells it from every other process that has run on this system; absent: that is not known. */
  readonly instance?: string;
  /** Numeric effective user (Unix); absent: not known. */
  readonly uid?: number;
  /** Present: a signal (SIGSTOP) or a debugger keeps it from running. */
  readonly halted?: true;
}

/** The clock ticks that proc(5) counts in: a hundred a second, on every architecture that Node runs on. */
const TICK_MS = 10;

const HALTED = /^[Tt]$/;

/** The process of this number if it runs this program; `undefined`: it does not, or no longer. */
export async function processOf(
  pid: number,
  program: string,
  system: SystemEdge,
  signal: AbortSignal,
): Promise<ProcessFacts | undefined> {
  const command = await system.readText(`/proc/${pid}/comm`);
  if (command !== undefined) return command.trim() === program ? await factsOf(pid, system) : undefined;
  if (await system.exists('/proc/self')) return undefined;
  const printed = (await system.run('/bin/ps', ['-p', String(pid), '-o', 'comm='], signal)) ?? '';
  return posix.basename(printed.trim()) === program ? {} : undefined;
}

// Compared with this process's own start, no matter what a container shows as the system's.
async function factsOf(pid: number, system: SystemEdge): Promise<ProcessFacts> {
  const stat = parseStat((await system.readText(`/proc/${pid}/stat`)) ?? '');
  const own = parseStat((await system.readText('/proc/self/stat')) ?? '');
  const boot = (await system.readText('/proc/sys/kernel/random/boot_id'))?.trim();
  const [, uid] = /^Uid:\t\d+\t(\d+)/m.exec((await system.readText(`/proc/${pid}/status`)) ?? '') ?? [];
  return {
    ...(uid === undefined ? {} : { uid: Number(uid) }),
    ...(stat !== undefined && HALTED.test(stat.state) ? { halted: true } : {}),
    ...(stat === undefined || own === undefined
      ? {}
      : { startedAt: system.startedAt + (stat.ticks - own.ticks) * TICK_MS }),
    ...(stat === undefined || boot === undefined ? {} : { instance: `${boot} ${pid} ${stat.ticks}` }),
  };
}

/** The process of a Windows service; nothing is known of it where PowerShell is not there. */
export async function serviceProcess(
  service: string,
  { sc, system }: { readonly sc: string; readonly system: SystemEdge },
  signal: AbortSignal,
): Promise<ProcessFacts> {
  const pid = parseServicePid((await system.run(sc, ['queryex', service], signal)) ?? '');
  if (pid === undefined) return {};
  const { systemRoot = 'C:\\Windows' } = system.directories;
  const shell = win32.join(systemRoot, 'System32\\WindowsPowerShell\\v1.0\\powershell.exe');
  const script = `[int64]((Get-Process -Id ${pid}).StartTime.ToUniversalTime() - [datetime]'1970-01-01').TotalMilliseconds`;
  const options = ['-NoProfile', '-NonInteractive', '-Command', script];
  const [startedAt] = /^\d{12,14}$/.exec(((await system.run(shell, options, signal)) ?? '').trim()) ?? [];
  return startedAt === undefined ? {} : { startedAt: Number(startedAt), instance: `${pid} ${startedAt}` };
}

/** Reads what `sc queryex NAME` prints. The labels are translated: the process is the only one called PID in all languages. */
export function parseServicePid(printed: string): number | undefined {
  const [, digits] = /^\s*PID\s*:\s*([1-9]\d{0,9})\s*$/m.exec(printed) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
