import { readFile } from 'node:fs/promises';
import type { OptionsOf } from '../../../src/index.js';
import { filesBelow, removeHome, scratchHome } from '../../keystore/scratch.js';
import type { Cell } from './cells.js';
import type { Scene, Stage } from './scene.js';

/** The library, loaded as one: what it loads later by itself knows the same classes. */
export type Library = typeof import('../../../src/index.js');

/** What one run came to. */
export interface Ended {
  readonly exit: number;
  readonly code?: string;
  readonly message: string;
  readonly hint: string;
  readonly ms: number;
}

/** What came of a cell. */
export interface Tried {
  readonly broken: Ended;
  /** How often the fault happened; of what nobody answers, nobody knows. */
  readonly strikes: number;
  /** Of client.keys after it: absent, or one whole record of this host. */
  readonly keys: 'none' | 'whole' | 'broken';
  /** What else lies in the home. */
  readonly leftovers: readonly string[];
  /** Agents of this host at the manager. */
  readonly agents: number;
  /** Whether the host had closed all of its connections. */
  readonly released: boolean;
  /** The run after that, without the fault. */
  readonly again: Ended;
  /** Where that one named a way out: the run after it was gone. */
  readonly wayOut?: Ended;
  /** Agents of this host in the end; and whether its key is that of the one that there is. */
  readonly agentsAtLast: number;
  readonly sameAgent: boolean;
}

const RELEASE_MS = 2000;
/** What may lie in a home after any run. */
const EXPECTED =
  /^(etc\/(client\.keys|reenroll\.secret|certs\/(root-ca\.pem|\.anchor-committed))|queue\/rids\/sender_counter|\.agent-enroll\/(lock|notes\.json))$/;

/**
 * Lets a host enroll through a fault, and once more without it.
 * @param name of the agent
 * @param seed of what is left to chance
 */
export async function attempt(cell: Cell, name: string, seed: number, stage: Stage, library: Library): Promise<Tried> {
  const agent = await scratchHome(['etc', 'queue/rids']);
  const scene = await stage.scene(cell, name, seed);
  const { manager, proxy } = scene;
  const run = (options: OptionsOf<'enroll'>) => ended(library, { ...options, agentHome: agent.home });
  try {
    const broken = await run(scene.broken);
    const released = await proxy.released(RELEASE_MS);
    const { strikes } = proxy;
    const keys = await keysIn(agent.keysFile, name);
    const agents = manager.named(name).length;
    const leftovers = (await filesBelow(agent.home)).filter((path) => !EXPECTED.test(path));
    proxy.mend();
    const again = await run(scene.mended);
    const wayOut = again.code === 'NAME_DUPLICATE' ? await byNamedWay(scene, name, run) : undefined;
    const atLast = manager.named(name);
    const id = (await readFile(agent.keysFile, 'latin1').catch(() => '')).split(' ')[0];
    return {
      broken,
      strikes,
      keys,
      leftovers,
      agents,
      released,
      again,
      ...(wayOut === undefined ? {} : { wayOut }),
      agentsAtLast: atLast.length,
      sameAgent: atLast[0]?.id === id,
    };
  } finally {
    await proxy.close();
    await removeHome(agent);
  }
}

/** Removes the agent of the lost answer at the manager, as the hint says, and runs again. */
async function byNamedWay(
  { manager, mended }: Scene,
  name: string,
  run: (options: OptionsOf<'enroll'>) => Promise<Ended>,
): Promise<Ended> {
  for (const { id } of manager.named(name)) manager.remove(id);
  return await run(mended);
}

async function ended({ enroll }: Library, options: OptionsOf<'enroll'>): Promise<Ended> {
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  try {
    await enroll(options);
    return { exit: 0, message: '', hint: '', ms: took() };
  } catch (thrown) {
    const ms = took();
    if (!(thrown instanceof Error) || !('code' in thrown) || !('exitCode' in thrown) || !('hint' in thrown))
      throw thrown;
    const { exitCode, code, message, hint } = thrown;
    return { exit: Number(exitCode), code: String(code), message, hint: String(hint), ms };
  }
}

async function keysIn(file: string, name: string): Promise<Tried['keys']> {
  const text = await readFile(file, 'latin1').catch(() => '');
  if (text === '') return 'none';
  return new RegExp(`^\\d+ ${name} any [0-9a-f]{64}\n$`).test(text) ? 'whole' : 'broken';
}
