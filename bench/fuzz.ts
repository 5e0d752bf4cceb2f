/**
 * Reads many broken inputs, and says what came of them: `npm run fuzz -- --inputs 1000000 [--seed N] [--target NAME]`.
 * Ends with 1 where a reader breaks, an input takes longer than 100 ms, or memory grows by more than 64 MiB.
 */
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fuzz } from '../test/fuzz/fuzz.js';
import { targets } from '../test/fuzz/targets.js';

const LONGEST_MS = 100;
const GROWTH_MIB = 64;
/** fast-check keeps something for each run of a property: so many at a time. */
const AT_A_TIME = 20_000;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    target: { type: 'string' },
  },
});
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const usedMiB = async (): Promise<number> => {
  // What lies outside of the heap is let go of after its object is.
  for (let round = 0; round < 3; round += 1) {
    collect();
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
};

const chosen = targets().filter(({ name }) => values.target === undefined || name === values.target);
const share = Math.ceil(Number(values.inputs) / chosen.length);
const seed = Number(values.seed);
console.log(`seed ${seed}`);
console.log(
  '| Read | Inputs | Accepted | Seconds | Longest, ms | Growth, MiB |\n| --- | --- | --- | --- | --- | --- |',
);
let [total, failed] = [0, false];
const began = performance.now();
for (const target of chosen) {
  fuzz(target, AT_A_TIME / 10, seed);
  const before = await usedMiB();
  const started = performance.now();
  let [inputs, accepted, longestMs] = [0, 0, 0];
  for (let round = 0; inputs < share; round += 1) {
    const part = fuzz(target, Math.min(AT_A_TIME, share - inputs), seed + round);
    inputs += part.inputs;
    accepted += part.accepted;
    longestMs = Math.max(longestMs, part.longestMs);
  }
  const seconds = (performance.now() - started) / 1000;
  const growth = (await usedMiB()) - before;
  failed ||= longestMs > LONGEST_MS || growth > GROWTH_MIB;
  total += inputs;
  const cells = [target.name, inputs, accepted, seconds.toFixed(1), longestMs.toFixed(1), growth.toFixed(1)];
  console.log(`| ${cells.join(' | ')} |`);
}
console.log(`${total} inputs in ${((performance.now() - began) / 1000).toFixed(0)} s`);
if (failed) process.exitCode = 1;
