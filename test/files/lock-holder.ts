/*
 * A program that takes the lock of a directory some times, and notes in a file when it has it:
 * lock-holder.ts DIRECTORY LOG NAME ROUNDS HOLD_MS. With no rounds it takes the lock once and comes to its end with it.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFileEdge } from '../../src/files/file-edge.js';
import { takeLock } from '../../src/files/lock.js';

const [directory = '', log = '', name = '', rounds = '', holdMs = ''] = process.argv.slice(2);
const take = () => takeLock(directory, nodeFileEdge(), () => {}, new AbortController().signal);
const note = (what: string) => appendFileSync(log, `${what} ${name}\n`);

if (rounds === '0') await take();
for (let round = 0; round < Number(rounds); round += 1) {
  const lock = await take();
  note('begin');
  await sleep(Number(holdMs));
  note(lock.lost.aborted ? 'lost' : 'end');
  await lock.release();
  // So that the others come by, at any moment of theirs.
  await sleep(Math.random() * 150);
}
