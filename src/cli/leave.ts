import type { Writable } from 'node:stream';
import type { ExitCode } from '../errors.js';
import { isExecutable } from '../files/executable.js';
import { pause } from '../net/deadline.js';

/** How long, in milliseconds, what is printed may take to be gone. */
const FLUSH_MS = 100;
const SHELL = '/bin/sh';
/** What the system does in a thread of its own and cannot be told to stop: names being looked up, files being read. */
const IN_THREAD = /^(GetAddrInfo|GetNameInfo|FSReq|FileHandle)/;
const SIGNALS: ReadonlyMap<ExitCode, NodeJS.Signals> = new Map([
  [130, 'SIGINT'],
  [143, 'SIGTERM'],
]);

/** Whether this process can end, with any exit code, while one of its threads hangs. */
export function endsBesideThreads(): boolean {
  return replacement() !== undefined && isExecutable(SHELL);
}

/**
 * Ends the program now, with what it has printed. An exit waits for the system's threads, and so for a name look-up that
 * no server answers, or a disk that hangs. To become another program, which ends with the code, waits for nothing
 * (Node.js 22.15, not on Windows), and neither does the default action of a signal, of which a shell makes the same code.
 */
export async function leave(code: ExitCode): Promise<void> {
  await Promise.race([
    Promise.all([process.stdout, process.stderr].map(written)),
    pause(FLUSH_MS, new AbortController().signal),
  ]);
  if (process.platform !== 'win32' && process.getActiveResourcesInfo().some((name) => IN_THREAD.test(name))) {
    // Where there is no such program the process would end by SIGABRT.
    if (isExecutable(SHELL)) replacement()?.(SHELL, ['sh', '-c', `exit ${code}`], {});
    const signal = SIGNALS.get(code);
    if (signal !== undefined) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      return;
    }
  }
  process.exit(code);
}

type Replace = (file: string, args: readonly string[], environment: Readonly<Record<string, string>>) => void;

function replacement(): Replace | undefined {
  if (!('execve' in process) || typeof process.execve !== 'function' || process.platform === 'win32') return undefined;
  const { execve } = process;
  return (...given) => Reflect.apply(execve, process, given);
}

function written(stream: Writable): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
