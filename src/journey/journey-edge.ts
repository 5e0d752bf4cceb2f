import { randomBytes, randomInt } from 'node:crypto';
import { type FileEdge, nodeFileEdge } from '../files/file-edge.js';
import type { IdentifyEdge } from '../host/identify.js';
import { routingTable } from '../host/route.js';
import { nodeSystem, type SystemEdge } from '../host/system.js';
import type { Randomness } from '../link/message/conversation.js';
import { type Dial, directDial } from '../net/connect.js';
import { type Lookup, lookupOnce, systemLookup } from '../net/lookup.js';

/** All that the journey touches outside of itself, so that a test or an embedding program can put its own in place. */
export interface JourneyEdge {
  readonly system: SystemEdge;
  readonly disk: FileEdge;
  /**
   * Runs a step that an interruption of this process must not cut off: from a manager's reply to the key on the disk.
   * It is short, and what is interrupted ends after it.
   */
  readonly uninterrupted: <T>(step: () => Promise<T>) => Promise<T>;
  /** Finds the addresses of a name, and asks about each once. */
  readonly lookup: Lookup;
  /** Makes TCP connections that give up after so many milliseconds. */
  readonly dial: (timeoutMs: number) => Dial;
  readonly random: Randomness;
  /** 16 random bytes, new at each call. */
  readonly jti: () => Uint8Array;
  /** A number in [0, 1), for the jitter of retries. */
  readonly randomNumber: () => number;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** The variables that tell where Windows keeps things. */
type WindowsEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The real system.
 * @param lookup finds the addresses of a name; absent: the system, in a thread of this process
 */
export function nodeJourneyEdge(environment: WindowsEnvironment, lookup: Lookup = systemLookup): JourneyEdge {
  const { ProgramFiles: programFiles, SystemRoot: systemRoot } = environment;
  const programFilesX86 = environment['ProgramFiles(x86)'];
  const disk = nodeFileEdge(systemRoot);
  const now = () => performance.now();
  const once = lookupOnce(lookup, now);
  return {
    system: nodeSystem({ programFiles, programFilesX86, systemRoot }, disk),
    disk,
    uninterrupted: (step) => step(),
    lookup: once,
    dial: (timeoutMs) => directDial(timeoutMs, once),
    // As real agents write it: an unsigned 16 bit number in five digits.
    random: { digits: () => String(randomInt(65536)).padStart(5, '0'), iv: () => randomBytes(16) },
    jti: () => randomBytes(16),
    randomNumber: Math.random,
    now,
  };
}

/** What {@link identify} needs of the edge; the name of the manager is looked up within `timeoutMs` milliseconds. */
export function identifyEdge(edge: JourneyEdge, timeoutMs: number): IdentifyEdge {
  return { system: edge.system, findRoutes: routingTable(timeoutMs, edge.lookup) };
}
