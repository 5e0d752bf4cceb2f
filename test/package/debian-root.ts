import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { onPath, type Ran, run, where } from './binaries.js';

const MINUTES = 60_000;
/** The release that the packages are tried on. */
const RELEASE = 'bookworm';
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** What a root of Debian takes, in the words of `skipped`. */
export const DEBIAN_ROOT_NEEDS = {
  'root, for chroot': process.getuid?.() === 0,
  debootstrap: onPath('debootstrap'),
  'Linux on x64': process.platform === 'linux' && process.arch === 'x64',
};

/** A root directory with the smallest Debian in it. */
export interface DebianRoot {
  readonly root: string;
  /** Runs a program of that Debian. */
  run(program: string, ...args: readonly string[]): Promise<Ran>;
  /** Copies a file into its top directory. */
  bring(file: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Makes a root of Debian from its archive.
 * @returns why there is none, where the archive cannot be reached
 */
export async function debianRoot(): Promise<DebianRoot | string> {
  const root = await mkdtemp(join(tmpdir(), 'agent-enroll-debian-'));
  const remove = () => rm(root, { recursive: true, force: true });
  // The script of debootstrap knows the archive; its proxy is that of this environment.
  const args = ['--variant=minbase', RELEASE, root];
  const made = spawnSync('debootstrap', args, { encoding: 'utf8', timeout: 5 * MINUTES });
  if (made.status !== 0) {
    await remove();
    return `debootstrap made no Debian: ${(made.stderr || made.stdout).trim().split('\n').at(-1)}`;
  }
  return {
    root,
    run: (program, ...rest) =>
      run(where('chroot') ?? '', [root, program, ...rest], { PATH, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }),
    bring: async (file) => {
      await copyFile(file, join(root, basename(file)));
      return `/${basename(file)}`;
    },
    remove,
  };
}
