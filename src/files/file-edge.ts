import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import { nodeProcesses, type Processes } from './processes.js';
import { type Acl, icacls } from './windows-acl.js';

/** What touching the disk needs from the system; a test passes its own. */
export interface FileEdge {
  readonly files: Files;
  /** Used on Windows only. */
  readonly acl: Acl;
  /** The effective user; absent on Windows. */
  readonly uid?: number | undefined;
  readonly processes: Processes;
  /** Milliseconds since 1970, for what is noted. */
  now(): number;
  /** Milliseconds on a clock that never goes back, for waiting. */
  monotonic(): number;
  /** Ends early when the signal is aborted: whoever waits looks at it then. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  /** Eight hexadecimal digits, new ones each time. */
  token(): string;
}

/**
 * The real system.
 *
 * @param systemRoot the directory of Windows (the environment's `SystemRoot`); of no use elsewhere
 */
export function nodeFileEdge(systemRoot = 'C:\\Windows'): FileEdge {
  return {
    files: nodeFiles(),
    acl: icacls(systemRoot),
    uid: process.geteuid?.(),
    processes: nodeProcesses(),
    now: Date.now,
    monotonic: () => performance.now(),
    pause: async (ms, signal) => {
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
    token: () => randomBytes(4).toString('hex'),
  };
}
