import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { OTHER } from './scratch.js';

/** Puts two names in each other's place, again and again, until it is killed. */
const IN_C = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **names) {
  write(1, "begun", 5);
  while (syscall(SYS_renameat2, AT_FDCWD, names[1], AT_FDCWD, names[2], 2) == 0);
  return 1;
}`;

/** The same without a compiler: for a moment one of the names is missing. */
const IN_NODE = `
const { renameSync } = require('node:fs');
const [, one, other] = process.argv;
process.stdout.write('begun');
for (;;) {
  renameSync(one, one + '.aside');
  renameSync(other, one);
  renameSync(one + '.aside', other);
}`;

/**
 * Begins to exchange what two paths name, as the other user, and as fast as it can.
 *
 * @param program where the compiled program may lie
 * @returns ends it; fails where it has ended by itself
 */
export async function exchange(one: string, other: string, program: string): Promise<() => Promise<void>> {
  const compiled = spawnSync('gcc', ['-x', 'c', '-w', '-o', program, '-'], { input: IN_C }).status === 0;
  const [file, args] = compiled ? [program, []] : [process.execPath, ['-e', IN_NODE]];
  const child = spawn(file, [...args, one, other], { ...OTHER, stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return async () => {
    if (child.exitCode !== null) throw new Error(`${one} could not be exchanged`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (existsSync(`${one}.aside`)) renameSync(`${one}.aside`, existsSync(other) ? one : other);
  };
}
