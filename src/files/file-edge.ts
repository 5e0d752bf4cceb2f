import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../errors.js';
import { type Files, nodeFiles } from './files.js';
import { type Acl, icacls } from './windows-acl.js';

/** What the keystore needs from the system; a test passes its own. */
export interface KeystoreEdge {
  readonly files: Files;
  /** Used on Windows only. */
  readonly acl: Acl;
  /** The effective user; absent on Windows. */
  readonly uid?: number;
  /** This process, whose number is in the names of its temporary files. */
  readonly pid: number;
  /** When this process started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** What tells this start of the system from the others; absent where the system does not tell. */
  readonly bootId?: string;
  isRunning(pid: number): boolean;
  /** Milliseconds since 1970. */
  now(): number;
  pause(ms: number): Promise<void>;
  /** Eight hexadecimal digits, new ones each time. */
  token(): string;
}

/**
 * The real system.
 *
 * @param systemRoot the directory of Windows (the environment's `SystemRoot`); of no use elsewhere
 */
export function nodeEdge(systemRoot = 'C:\\Windows'): KeystoreEdge {
  const uid = process.geteuid?.();
  const bootId = readBootId();
  return {
    files: nodeFiles,
    acl: icacls(systemRoot),
    ...(uid === undefined ? {} : { uid }),
    pid: process.pid,
    startedAt: performance.timeOrigin,
    ...(bootId === undefined ? {} : { bootId }),
    isRunning,
    now: Date.now,
    pause: async (ms) => {
      await sleep(ms);
    },
    token: () => randomBytes(4).toString('hex'),
  };
}

/** Linux: random(4). */
function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
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
