import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SECOND } from './second-user.js';

/** Whether there is a C compiler, for what Node.js has no call for. */
export const hasCompiler = spawnSync('gcc', ['--version']).status === 0;

/** Compiles a file of this directory into another one, for everybody to use; returns where it is. */
export async function compile(source: string, into: string, ...flags: readonly string[]): Promise<string> {
  const made = join(into, source.replace(/\.c$/, flags.includes('-shared') ? '.so' : ''));
  execFileSync('gcc', ['-O1', '-Wall', ...flags, '-o', made, fileURLToPath(new URL(source, import.meta.url))]);
  await chmod(made, 0o755);
  return made;
}

/** The second user's program that exchanges two names as fast as it can. */
export interface Exchange {
  /** Both names are there then, in either order. @throws where it has ended by itself: nothing was exchanged then */
  end(): Promise<void>;
}

// Without a compiler: there is a moment in which one of the names is missing. It ends with its parent.
const IN_NODE = `
const { renameSync } = require('node:fs');
const [, one, other] = process.argv;
process.stdin.on('end', () => process.exit()).resume();
const turn = () => {
  for (let n = 0; n < 100; n++) {
    try {
      renameSync(one, one + '.aside');
      renameSync(other, one);
      renameSync(one + '.aside', other);
    } catch {}
  }
  setImmediate(turn);
};
turn();`;

/** Begins to exchange what these two paths name; `program` is the compiled exchange.c, if there is one. */
export function exchange(one: string, other: string, program: string | undefined): Exchange {
  const child =
    program === undefined
      ? spawn(process.execPath, ['-e', IN_NODE, one, other], { ...SECOND, stdio: ['pipe', 'ignore', 'ignore'] })
      : spawn(program, [one, other], { ...SECOND, stdio: 'ignore' });
  return {
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${one} could not be exchanged`);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const aside = `${one}.aside`;
      if (existsSync(aside)) await rename(aside, existsSync(other) ? one : other);
    },
  };
}
