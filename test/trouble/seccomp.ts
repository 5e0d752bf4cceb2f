import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Why the filter of a unit cannot be put in place here; `undefined`: it can. */
export const NO_SECCOMP = obstacle();

function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (spawnSync('systemd-analyze', ['syscall-filter', '@default']).status !== 0) return 'needs systemd-analyze';
  if (spawnSync('gcc', ['--version']).status !== 0) return 'needs a C compiler';
  return undefined;
}

/**
 * Makes a program that runs another one under the system calls and address families of a unit; returns where it is.
 * @param unit the path of the unit
 */
export async function makeFilter(unit: string, into: string): Promise<string> {
  const text = await readFile(unit, 'utf8');
  // Where a filter names what is allowed, systemd allows the calls of @default with it.
  const names = ['@default', ...wordsOf(text, 'SystemCallFilter')].flatMap(callsOf);
  const known = new Set(
    execFileSync('gcc', ['-dM', '-E', '-include', 'sys/syscall.h', '-xc', '/dev/null'], { encoding: 'utf8' })
      .split('\n')
      .flatMap((line) => /^#define __NR_(\w+) /.exec(line)?.[1] ?? []),
  );
  // The families are looked at behind it.
  const calls = [...new Set(names)].filter((name) => known.has(name) && name !== 'socket');
  await writeFile(join(into, 'allowed.h'), calls.map((name) => `NAME(${name})\n`).join(''));
  const families = wordsOf(text, 'RestrictAddressFamilies');
  await writeFile(join(into, 'families.h'), families.map((name) => `FAMILY(${name})\n`).join(''));
  const made = join(into, 'seccomp');
  const source = fileURLToPath(new URL('seccomp.c', import.meta.url));
  execFileSync('gcc', ['-O1', '-Wall', '-I', into, '-o', made, source]);
  return made;
}

/** The words of all lines of a unit with this name. */
function wordsOf(unit: string, name: string): readonly string[] {
  const lines = [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))];
  const words = lines.flatMap(([, value = '']) => value.split(' ').filter((word) => word !== ''));
  if (words.length === 0 || words.some((word) => word.startsWith('~'))) throw new Error(`${name}= is no list of names`);
  return words;
}

/** The calls of a set, and of the sets in it. */
function callsOf(name: string): readonly string[] {
  if (!name.startsWith('@')) return [name];
  return execFileSync('systemd-analyze', ['syscall-filter', name], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^ {4}[@\w]/.test(line))
    .flatMap((line) => callsOf(line.trim()));
}
