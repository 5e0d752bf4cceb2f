const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/**
 * How long to wait before the next try: exponential with full jitter, so that a thousand hosts that failed together
 * come back one by one.
 *
 * @param failures how many tries have failed, 1 or more
 * @param random a number in [0, 1)
 * @returns milliseconds
 */
export function backOff(failures: number, random: number): number {
  return Math.floor(random * Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)));
}
