import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';

/** The checkout. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** A file of deploy/. */
export const deployed = (file: string): string => join(PROJECT, 'deploy', file);

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const LIMIT_MS = 100_000;

/** What a tool left behind. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Buffer;
}

/** Runs a tool to its end, with nothing in its environment but what is given. */
export function tool(command: string, args: readonly string[], { env, cwd, input }: Surroundings = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = {
      env: { PATH, LANG: 'C.UTF-8', ...env },
      timeout: LIMIT_MS,
      ...(cwd === undefined ? {} : { cwd }),
    };
    const child = execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

/** Skips the tests of a suite, and says why, unless all these tools are installed. */
export function needs(context: Context, ...tools: readonly string[]): void {
  const missing = tools.filter((name) => !PATH.split(':').some((directory) => existsSync(join(directory, name))));
  if (missing.length > 0) skip(context, `${missing.join(', ')} not installed`);
}

/** Skips the tests of a suite, and says why. */
export function skip(context: Context, why: string): never {
  process.stderr.write(`    skipped: ${why}\n`);
  return context.skip();
}

/** A directory that `remove` takes away again. */
export async function scratchDirectory(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'agent-enroll-deploy-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The name of this machine's binary. */
export const BINARY = `agent-enroll-linux-${process.arch === 'arm64' ? 'arm64' : 'x64'}`;

/** This machine's binary: the packaged one where `npm run package` has been run, else a script that starts the built program. */
export async function program(): Promise<Buffer> {
  const packaged = join(PROJECT, 'build', BINARY);
  if (existsSync(packaged)) return await readFile(packaged);
  return Buffer.from(`#!/bin/sh\nexec '${process.execPath}' '${PROJECT}/bin/agent-enroll.js' "$@"\n`);
}

/** Writes the program as an executable file. */
export async function writeProgram(path: string): Promise<string> {
  await writeFile(path, await program(), { mode: 0o755 });
  return path;
}

/** An ossec.conf that names no useful manager. */
export const CONF =
  '<ossec_config>\n  <client>\n    <server>\n      <address>MANAGER_IP</address>\n    </server>\n  </client>\n</ossec_config>\n';

/** The same for an agent of Wazuh 5. */
export const CONF_OF_WAZUH_5 =
  '<ossec_config>\n  <agent>\n    <manager>\n      <endpoint>MANAGER_IP</endpoint>\n    </manager>\n  </agent>\n</ossec_config>\n';
