import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileEdge, nodeFileEdge } from '../../src/files/file-edge.js';
import { type Lock, takeLock } from '../../src/files/lock.js';
import type { Processes } from '../../src/files/processes.js';
import { removeScratch, scratchDirectory } from './scratch.js';

export const never = new AbortController().signal;
export const anybody = () => {};
export const nobody = () => {
  throw new Error('nobody was to be waited for');
};

export const SPACE = 'here';
export const OTHER_SPACE = 'elsewhere';

/** A process among others: the numbers that run, each with its start. */
export function process(pid: number, running: readonly number[], more: Partial<Processes> = {}): Processes {
  const start = (of: number) => `start of ${of}`;
  return {
    pid,
    start: start(pid),
    space: SPACE,
    look: (other) => (running.includes(other) ? { runs: true, start: start(other) } : { runs: false }),
    ...more,
  };
}

export function withoutSpace(processes: Processes): Processes {
  const { space: _, ...rest } = processes;
  return rest;
}

export function edgeOf(processes: Processes): FileEdge {
  return { ...nodeFileEdge(), processes };
}

/**
 * An edge whose waits take no time and move its monotonic clock.
 *
 * @param during is called in each wait, with the time since the first
 * @param speed how many times as far as asked for a wait moves the clock
 */
export function fastEdge(processes: Processes, during: (ms: number) => Promise<void> = async () => {}, speed = 1) {
  const start = 5_000_000;
  let time = start;
  const edge: FileEdge = {
    ...edgeOf(processes),
    monotonic: () => time,
    async pause(ms) {
      time += ms * speed;
      await during(time - start);
      await new Promise(setImmediate);
    },
  };
  return { edge, waited: () => time - start };
}

/** Waits for what must come within five seconds. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 5000;
  while (!(await what())) {
    if (performance.now() > end) throw new Error('it did not come to that in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A directory with a lock in it. */
export class LockScene {
  readonly directory: string;
  readonly #held: Lock[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<LockScene> {
    return new LockScene(await scratchDirectory());
  }

  async close(): Promise<void> {
    for (const lock of this.#held) await lock.release();
    await removeScratch(this.directory);
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  async names(): Promise<string[]> {
    return (await readdir(this.directory)).sort();
  }

  async lockFile(): Promise<string> {
    return this.path('lock', (await readdir(this.path('lock')))[0] ?? '');
  }

  /** Takes the lock, for the whole test. */
  async take(edge: FileEdge, waiting: (pid: number) => void = nobody, signal = never): Promise<Lock> {
    const lock = await takeLock(this.directory, edge, waiting, signal);
    this.#held.push(lock);
    return lock;
  }

  /** Leaves a lock behind, as if its process had been killed. */
  async leave({ pid, start, space }: Processes): Promise<void> {
    await mkdir(this.path('lock'));
    await writeFile(this.path('lock', `${pid}`.padStart(16, '0')), JSON.stringify({ pid, start, space }));
  }

  /** All of them take it once: how many held it at the same time, at most. */
  async most(edges: readonly FileEdge[]): Promise<number> {
    let holders = 0;
    let highest = 0;
    await Promise.all(
      edges.map(async (edge) => {
        const lock = await takeLock(this.directory, edge, anybody, new AbortController().signal);
        holders += 1;
        highest = Math.max(highest, holders);
        await new Promise(setImmediate);
        holders -= 1;
        await lock.release();
      }),
    );
    return highest;
  }
}
