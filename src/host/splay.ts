import { createHash } from 'node:crypto';
import type { MachineFacts } from './machine.js';

/** What makes a machine's delay its own: the same at every start, and another for each machine of a fleet. */
export function splaySeed(facts: MachineFacts, hostname: string): string {
  // All three: clones share the machine-id until it is made anew, and a fleet may share its host name.
  return [facts.machineId ?? '', facts.instance?.id ?? '', hostname].join('\n');
}

/**
 * How long this machine waits before its first contact, in milliseconds: at least 0 and below `windowMs`, always the
 * same for one seed, evenly spread over many.
 */
export function splayDelay(seed: string, windowMs: number): number {
  const drawn = createHash('sha256').update(`splay\n${seed}`).digest().readUIntBE(0, 6);
  return Math.floor((drawn / 2 ** 48) * windowMs);
}
