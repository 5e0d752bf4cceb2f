import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

/** A program and its arguments, as it is started. */
export interface Command {
  readonly line: readonly [string, ...string[]];
  readonly input?: string;
}

/** What one run took, in milliseconds. */
export interface Cost {
  readonly wallMs: number;
  /** Of the processor, user and system, its children included. */
  readonly processorMs: number;
}

// The shell's own clock: Node does not tell what a child took.
const TIMED = 'TIMEFORMAT="%3R %3U %3S"; { time "$@" >/dev/null 2>&3; } 3>&2 2>&4';
const PATH = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

/**
 * Runs a command to its end.
 * @throws Error with what it said, where it does not end with 0
 */
export async function costOf({ line, input }: Command): Promise<Cost> {
  const child = spawn('bash', ['--norc', '-c', TIMED, 'bash', ...line], {
    env: PATH,
    stdio: ['pipe', 'ignore', 'pipe', 'ignore', 'pipe'],
  });
  let said = '';
  let times = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdio[4]?.on('data', (chunk: Buffer) => {
    times += chunk.toString();
  });
  child.stdin?.on('error', () => {}).end(input ?? '');
  const [code] = await once(child, 'close');
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN] = times.trim().split(' ').map(Number);
  if (code !== 0) throw new Error(`${line.join(' ')}: exit ${code}: ${said}`);
  return { wallMs: wall * 1000, processorMs: (user + system) * 1000 };
}

/** The most memory that a run had at once, in MiB, as the kernel last told before it ended. Linux alone tells it. */
export async function peakMiB({ line: [program, ...args], input }: Command): Promise<number> {
  const child = spawn(program, args, { env: PATH, stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin?.on('error', () => {}).end(input ?? '');
  let kilobytes = Number.NaN;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    kilobytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? kilobytes);
    await setImmediate();
  }
  return kilobytes / 1024;
}

/** The middle one; of none, NaN. */
export function median(of: readonly number[]): number {
  return quantile(of, 0.5);
}

/** @param share of the values that lie below it, 0 to 1 */
export function quantile(of: readonly number[], share: number): number {
  const sorted = of.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
