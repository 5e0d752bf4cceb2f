import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Why at-call.c cannot be had here; `undefined`: it can. */
export const NO_PRELOAD = findObstacle();

function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  return spawnSync('gcc', ['--version']).status === 0 ? undefined : 'needs gcc';
}

/** Compiles at-call.c into a directory; returns what is to be preloaded. */
export function makeLibrary(directory: string): string {
  const library = join(directory, 'at-call.so');
  const source = fileURLToPath(new URL('at-call.c', import.meta.url));
  execFileSync('gcc', ['-O1', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, source, '-ldl']);
  return library;
}

const CHANGES = /^(open-create|write|pwrite|rename|unlink|mkdir|rmdir|fsync|fchmod|fchown|connect|\S+ network)/;

/** Whether a call, as a line of the library's log, changes something on the disk, or is one on the network. */
export function changesSomething(call: string): boolean {
  return CHANGES.test(call);
}

/** Does work for each, so many at a time. */
export async function inLanes<T, R>(
  lanes: number,
  work: readonly T[],
  each: (one: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const rest = work.values();
  const lane = async () => {
    for (const one of rest) results.push(await each(one));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
