import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const LIMIT_MS = 300_000;

/** What a child process is given, beside its arguments. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs a program to its end.
 * @returns what it wrote to standard output
 * @throws Error with what it wrote, when it fails or takes longer than five minutes
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const limits = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: LIMIT_MS } as const;
  try {
    return (await execute(program, [...args], { ...options, ...limits })).stdout;
  } catch (thrown) {
    const absent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    throw absent ? new Error(`${program} is needed and not installed.`, { cause: thrown }) : thrown;
  }
}
