import { copyFile, open, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { inject } from 'postject';
import type { Target } from './config.js';
import { closeVariables, SEALED } from './environment.js';
import { run } from './run.js';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Takes the symbols out of a Linux base. It has to come before anything is put in: strip would drop that. */
export async function stripSymbols(binary: string, output: string): Promise<void> {
  // The one of LLVM works for every processor; the one of GNU for the one that it was built for.
  await run('llvm-strip', ['--strip-all', '-o', output, binary]);
}

/**
 * Takes the signature off a Windows base: it would not be valid for the binary that comes of it.
 * The layout is that of the PE format: the fifth data directory names where the certificates lie, at the file's end.
 */
export async function removeSignature(binary: string, output: string): Promise<void> {
  const bytes = await readFile(binary);
  const header = bytes.readUInt32LE(0x3c);
  const optional = header + 24;
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0' || bytes.readUInt16LE(optional) !== 0x20b) {
    throw new Error(`${binary} is no 64-bit Windows program.`);
  }
  const entry = optional + 112 + 4 * 8;
  const start = bytes.readUInt32LE(entry);
  const size = bytes.readUInt32LE(entry + 4);
  if (start !== 0 && start + size !== bytes.length) throw new Error(`${binary}: its signature is not at its end.`);
  bytes.fill(0, entry, entry + 8);
  bytes.fill(0, optional + 64, optional + 68);
  await writeFile(output, start === 0 ? bytes : bytes.subarray(0, start));
}

/** Makes a base, without its symbols or its signature, deaf to variables of the environment. In place. */
export async function seal(binary: string, target: Target): Promise<void> {
  const node = await readFile(binary);
  closeVariables(node, target);
  await writeFile(binary, node);
}

/** What a binary holds beside Node. */
export interface Contents {
  readonly loader: string;
  readonly assets: Readonly<Record<string, string>>;
}

/**
 * Packs the contents to the blob that Node reads at its start.
 * @param node a Node of the binaries' version that runs here
 */
export async function makeBlob(node: string, { loader, assets }: Contents, output: string): Promise<void> {
  const config = `${output}.json`;
  await writeFile(
    config,
    JSON.stringify({
      main: basename(loader),
      output,
      assets,
      disableExperimentalSEAWarning: true,
      useCodeCache: false,
      ...SEALED,
    }),
  );
  // Node writes the name of the main script into the blob: it shall not tell where it was built.
  await run(node, ['--experimental-sea-config', config], { cwd: dirname(loader) });
}

/** Puts a blob into a copy of a base, as a part of its own, and makes it runnable. */
export async function makeBinary(base: string, blob: string, output: string): Promise<void> {
  await copyFile(base, output);
  await inject(output, 'NODE_SEA_BLOB', await readFile(blob), { sentinelFuse: FUSE });
  const file = await open(output, 'r+');
  await file.chmod(0o755);
  await file.close();
}
