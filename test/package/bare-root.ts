import { chmod, copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { built, LINUX_X64, onPath, type Ran, run, where } from './binaries.js';

/** An account without any rights: to it the root is read-only. */
export const NOBODY = 65534;

/** What a bare root takes, in the words of `skipped`. */
export const BARE_ROOT_NEEDS = {
  ...built(LINUX_X64),
  'root, for chroot': process.getuid?.() === 0,
  chroot: onPath('chroot'),
  ldd: onPath('ldd'),
  'Linux on x64': process.platform === 'linux' && process.arch === 'x64',
};

/** A root directory that holds the binary and its runtime. */
export interface BareRoot {
  readonly root: string;
  /** The libraries in it, by their paths. */
  readonly libraries: readonly string[];
  /**
   * Runs the binary in the root, as an account that may write nothing but its own homes.
   * @param before a program that is to run it, with its arguments
   */
  run(args: readonly string[], env?: NodeJS.ProcessEnv, before?: readonly string[]): Promise<Ran>;
}

/** Makes a bare root. Whoever makes it removes it. */
export async function makeBareRoot(): Promise<BareRoot> {
  const root = await mkdtemp(join(tmpdir(), 'agent-enroll-root-'));
  await chmod(root, 0o755);
  const libraries = (await run(where('ldd') ?? '', [LINUX_X64])).stdout.match(/\/\S+/g) ?? [];
  for (const library of libraries) {
    await mkdir(join(root, dirname(library)), { recursive: true });
    await copyFile(library, join(root, library));
  }
  await mkdir(join(root, 'opt'));
  await copyFile(LINUX_X64, join(root, 'opt', 'agent-enroll'));
  const chroot = [where('chroot') ?? '', `--userspec=${NOBODY}:${NOBODY}`, root, '/opt/agent-enroll'];
  return {
    root,
    libraries,
    run(args, env = {}, before = []) {
      const [program = '', ...rest] = [...before, ...chroot, ...args];
      return run(program, rest, env);
    },
  };
}
