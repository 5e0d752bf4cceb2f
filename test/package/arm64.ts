import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { built, LINUX_ARM64, onPath, type Ran, run, where } from './binaries.js';

/** Where Debian's packages libc6-arm64-cross and libstdc++6-arm64-cross put the runtime of that processor. */
const RUNTIME = '/usr/aarch64-linux-gnu';
const NATIVE = process.arch === 'arm64' && process.platform === 'linux';

/** What it takes to run the binary for arm64 here, in the words of `skipped`. */
export const ARM64_NEEDS = {
  ...built(LINUX_ARM64),
  'qemu-aarch64-static of qemu-user-static': NATIVE || onPath('qemu-aarch64-static'),
  'libc6-arm64-cross': NATIVE || existsSync(join(RUNTIME, 'lib', 'ld-linux-aarch64.so.1')),
  'libstdc++6-arm64-cross': NATIVE || existsSync(join(RUNTIME, 'lib', 'libstdc++.so.6')),
};

const LOADER = '/lib/ld-linux-aarch64.so.1';
let emulated: string | undefined;

/**
 * A copy that names the loader where it lies here. The emulator can be told of another root instead (`-L`), but then it
 * takes that for the root of every path, and the program finds nothing of this system below it.
 */
function withLoader(): string {
  if (emulated !== undefined) return emulated;
  const directory = mkdtempSync('/tmp/ae');
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  symlinkSync(join(RUNTIME, LOADER), join(directory, 'ld'));
  const bytes = readFileSync(LINUX_ARM64);
  const at = bytes.indexOf(`${LOADER}\0`);
  if (at < 0) throw new Error('The binary names no loader.');
  bytes.fill(0, at, at + LOADER.length);
  bytes.write(join(directory, 'ld'), at, 'latin1');
  emulated = join(directory, 'agent-enroll');
  writeFileSync(emulated, bytes, { mode: 0o755 });
  return emulated;
}

/** Runs the binary for arm64, where need be in the emulator. */
export function runArm64(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  if (NATIVE) return run(LINUX_ARM64, args, env);
  const libraries = ['-E', `LD_LIBRARY_PATH=${join(RUNTIME, 'lib')}`];
  return run(where('qemu-aarch64-static') ?? '', [...libraries, withLoader(), ...args], env);
}
