import { existsSync } from 'node:fs';
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

/** Runs the binary for arm64, where need be in the emulator. */
export function runArm64(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  if (NATIVE) return run(LINUX_ARM64, args, env);
  return run(where('qemu-aarch64-static') ?? '', ['-L', RUNTIME, LINUX_ARM64, ...args], env);
}
