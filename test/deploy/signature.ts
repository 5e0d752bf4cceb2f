import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BINARY, program, tool } from './tool.js';

/** A release as it lies on a server: the binary, its sum, the signature of the sums. */
export interface SignedRelease {
  readonly directory: string;
  /** The key that signed it, as one line. */
  readonly key: string;
  /** A key that did not. */
  readonly otherKey: string;
  readonly sum: string;
}

/**
 * Lays a signed release into a directory. The keys are made for it and have no password.
 * @param binary this machine's binary, where it is not the program as it runs outside of a scratch root
 */
export async function signedRelease(directory: string, binary?: Buffer): Promise<SignedRelease> {
  await mkdir(directory);
  const released = binary ?? (await program());
  await writeFile(join(directory, BINARY), released, { mode: 0o755 });
  const sum = createHash('sha256').update(released).digest('hex');
  await writeFile(join(directory, 'SHA256SUMS'), `${'0'.repeat(64)}  other\n${sum}  ${BINARY}\n`);
  const [key, otherKey] = [await makeKey(`${directory}-key`), await makeKey(`${directory}-other`)];
  const args = ['-S', '-s', `${directory}-key.secret`, '-m', join(directory, 'SHA256SUMS')];
  const { code, stderr } = await tool('minisign', args);
  if (code !== 0) throw new Error(`minisign: ${stderr}`);
  return { directory, key, otherKey, sum };
}

async function makeKey(path: string): Promise<string> {
  const { code, stderr } = await tool('minisign', ['-G', '-W', '-p', `${path}.public`, '-s', `${path}.secret`]);
  if (code !== 0) throw new Error(`minisign: ${stderr}`);
  // A comment, then the key.
  return (await readFile(`${path}.public`, 'utf8')).split('\n')[1] ?? '';
}
