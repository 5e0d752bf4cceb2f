import { mkdtemp, rm } from 'node:fs/promises';
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
