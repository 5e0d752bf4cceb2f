import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sandbox } from '../../src/sandbox/manager.js';

const PROGRAM = fileURLToPath(new URL('../../bin/agent-enroll.js', import.meta.url));
const LIMIT_MS = 20_000;

/** What a run of the program left behind. */
export interface Finished {
  readonly code: number | null;
  /** Set where the program ended by a signal's default action. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** A program that runs. */
export interface Running {
  readonly finished: Promise<Finished>;
  /** Resolves when standard error holds this text. */
  said(text: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  readonly pid: number | undefined;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** `open`: standard input never ends. */
  readonly input?: string | { readonly open: true };
}

/** Starts the built program as a user does, with nothing in the environment but what the test gives. */
export function start(args: readonly string[], { env = {}, input }: Surroundings = {}): Running {
  const started = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env } });
  let stdout = '';
  let stderr = '';
  let heard = () => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  child.stdin.on('error', () => {});
  if (typeof input !== 'object') child.stdin.end(input ?? '');
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, stdout, stderr, ms: performance.now() - started });
    });
  });
  const said = async (text: string) => {
    const heardIt = new Promise<void>((resolve) => {
      heard = () => {
        if (stderr.includes(text)) resolve();
      };
      heard();
    });
    const ended = finished.then(() => {
      if (!stderr.includes(text)) throw new Error(`The program ended without saying "${text}": ${stderr}`);
    });
    await Promise.race([heardIt, ended]);
  };
  return { finished, said, signal: (name) => child.kill(name), pid: child.pid };
}

/** Runs the built program to its end. */
export function run(args: readonly string[], surroundings?: Surroundings): Promise<Finished> {
  return start(args, surroundings).finished;
}

/** The flags that point the program at a sandbox and into a scratch home. */
export function against(sandbox: Sandbox, home: string): string[] {
  const { agent, authd } = sandbox.endpoints;
  return ['--manager', `${agent.host}:${agent.port}`, '--enrollment-port', String(authd.port), '--agent-home', home];
}

/** A scratch agent home; `remove` takes it away again. */
export async function scratchHome(): Promise<{
  readonly home: string;
  readonly keys: string;
  remove(): Promise<void>;
}> {
  const home = await mkdtemp(join(tmpdir(), 'agent-enroll-e2e-'));
  await mkdir(join(home, 'etc'));
  return {
    home,
    keys: join(home, 'etc', 'client.keys'),
    remove: async () => {
      await chmod(home, 0o755);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Where the program keeps what it remembers of a home. */
export function notesOf(home: string): string {
  return join(home, '.agent-enroll', 'notes.json');
}

/** A request that an earlier run began, and did not bring to an end. */
export interface NotedRequest {
  readonly name: string;
  readonly manager: string;
  readonly startedAt: string;
}

/** Notes such a request, as a run that was killed leaves it. */
export async function noteRequest(home: string, request: NotedRequest): Promise<void> {
  const before: unknown = JSON.parse(await readFile(notesOf(home), 'utf8').catch(() => '{"version":2}'));
  await mkdir(join(home, '.agent-enroll'), { mode: 0o700, recursive: true });
  const notes = { ...(typeof before === 'object' ? before : {}), request };
  await writeFile(notesOf(home), JSON.stringify(notes), { mode: 0o600 });
}

/** The request that is noted as open; `undefined`: none is. */
export async function openRequest(home: string): Promise<unknown> {
  const notes: unknown = JSON.parse(await readFile(notesOf(home), 'utf8').catch(() => '{}'));
  return typeof notes === 'object' && notes !== null && 'request' in notes ? notes.request : undefined;
}

/** Everything below a directory: the paths with content and mode, to see whether anything changed. */
export async function snapshot(directory: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = ((await stat(path)).mode & 0o7777).toString(8);
    seen[path.slice(directory.length)] = entry.isFile() ? `${mode} ${await readFile(path, 'utf8')}` : mode;
  }
  return seen;
}
