import fc from 'fast-check';
import { EnrollError } from '../../src/errors.js';
import { mutated } from './mutations.js';
import type { Target } from './targets.js';

/** What came of many inputs. */
export interface Fuzzed {
  readonly inputs: number;
  /** How many were taken for what they are not, or are. */
  readonly accepted: number;
  /** The longest time that one input took, in milliseconds; of one that seemed long, the shortest of some. */
  readonly longestMs: number;
}

/** What is looked at again: the machine, and not the input, may have been slow. */
const SUSPECT_MS = 20;
const LOOKS = 3;

/**
 * Has a target read many inputs.
 * @throws the first input that breaks it, made as small as it could be, with the seed that finds it again
 */
export function fuzz({ seeds, read }: Target, inputs: number, seed: number): Fuzzed {
  let accepted = 0;
  let longestMs = 0;
  const once = (input: Buffer): number => {
    const started = performance.now();
    try {
      if (read(input)) accepted += 1;
    } catch (thrown) {
      // Whatever is refused is refused in words of ours.
      if (!(thrown instanceof EnrollError) || thrown.code === 'INTERNAL') throw thrown;
    }
    return performance.now() - started;
  };
  const property = fc.property(mutated(seeds), (input) => {
    let ms = once(input);
    if (ms <= longestMs) return;
    for (let look = 0; look < LOOKS && ms > SUSPECT_MS; look += 1) ms = Math.min(ms, once(input));
    longestMs = Math.max(longestMs, ms);
  });
  fc.assert(property, { numRuns: inputs, seed });
  return { inputs, accepted, longestMs };
}
