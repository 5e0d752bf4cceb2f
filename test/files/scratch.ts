import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRATCH = join(tmpdir(), 'agent-enroll-files-');

/** A directory of its own, 0700. */
export function scratchDirectory(): Promise<string> {
  return mkdtemp(SCRATCH);
}

/** Removes a directory that {@link scratchDirectory} made, and no other. */
export async function removeScratch(path: string): Promise<void> {
  if (!path.startsWith(SCRATCH)) throw new Error(`${path} is not a scratch directory.`);
  await rm(path, { recursive: true, force: true });
}

/** What the work fails with; a work that does not fail fails the test. */
export async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It should have failed.');
}

/** Whether this test can act as two users: give files away, make devices, start a program as somebody else. */
export const isRoot = process.geteuid?.() === 0;

/** A user that is nobody's, on this host or any. */
export const OTHER = { uid: 47_011, gid: 47_012 } as const;

/** Makes a FIFO that nobody reads or writes. */
export function makeFifo(path: string): void {
  execFileSync('mkfifo', [path]);
}

/** Makes a socket that nobody listens to any more. */
export async function makeSocket(path: string): Promise<void> {
  // The end of a server removes its socket, unless it has another name by then.
  const server = createServer().listen(`${path}.listening`);
  await once(server, 'listening');
  await rename(`${path}.listening`, path);
  server.close();
  await once(server, 'close');
}

/** Makes /dev/null anew. @returns whether that is allowed here */
export function makeDevice(path: string): boolean {
  return spawnSync('mknod', [path, 'c', '1', '3']).status === 0;
}
