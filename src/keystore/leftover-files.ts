import { dirname, join } from 'node:path';
import { systemCode } from '../errors.js';
import { factsOf } from '../files/directories.js';
import type { FileEdge } from '../files/file-edge.js';
import { unreadable } from '../files/file-error.js';
import type { FileFacts } from '../files/files.js';
import { atPlace } from '../files/place.js';
import { type ReadFile, type ReadRules, readFile } from '../files/read.js';
import { leftovers } from '../files/replace.js';
import type { BegunRequest } from './notes/notes.js';

/**
 * The temporary files that killed runs left beside a file, the newest first. What may not be read is passed over.
 * @throws EnrollError FILE_UNREADABLE, where nobody can look for them
 */
export async function* readLeftovers(path: string, rules: ReadRules, edge: FileEdge): AsyncGenerator<ReadFile> {
  const { directory, names } = await namesBeside(path, edge);
  for (const name of names.toReversed()) {
    const file = await readFile(join(directory, name), rules, edge).catch(() => undefined);
    if (file !== undefined) yield file;
  }
}

async function namesBeside(
  path: string,
  edge: FileEdge,
): Promise<{ readonly directory: string; readonly names: readonly string[] }> {
  try {
    return await atPlace(path, edge, async (place) => ({
      directory: dirname(place.path),
      names: await leftovers(place),
    }));
  } catch (error) {
    if (isMissing(error)) return { directory: dirname(path), names: [] };
    throw unreadable(path, error);
  }
}

/**
 * Whether a file is there and has got its content since a request was begun: it is what came of it, as far as a killed
 * run got.
 *
 * @throws EnrollError FILE_UNREADABLE
 */
export async function isThereSince(path: string, request: BegunRequest, edge: FileEdge): Promise<boolean> {
  const facts = await factsIfThere(path, edge);
  return facts?.kind === 'file' && isSince(facts, request);
}

/** Facts of what a path leads to; `undefined`: nothing is there. @throws EnrollError FILE_UNREADABLE */
export async function factsIfThere(path: string, edge: FileEdge): Promise<FileFacts | undefined> {
  try {
    return await factsOf(path, edge);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
}

function isMissing(thrown: unknown): boolean {
  const code = systemCode(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** A file system may note whole seconds, and even ones. */
const COARSE_MS = 2000;

/** Whether it has got its content since a request was begun. */
export function isSince({ modified }: Pick<FileFacts, 'modified'>, { startedAt }: BegunRequest): boolean {
  return Number(modified / 1_000_000n) > Date.parse(startedAt) - COARSE_MS;
}
