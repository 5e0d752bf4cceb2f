import { dirname } from 'node:path';
import { factsOf } from '../files/directories.js';
import type { FileEdge } from '../files/file-edge.js';
import { unreadable } from '../files/file-error.js';
import type { FileFacts } from '../files/files.js';
import { ROOT_ONLY, readFile } from '../files/read.js';
import { readStream } from './standard-input.js';

/** What settings are read from beside the command line and the environment; a test passes its own. */
export interface SettingsEdge {
  /** The effective user; absent on Windows. */
  readonly uid?: number;
  /**
   * Reads a whole file; `undefined`: there is none.
   * @throws EnrollError `FILE_UNREADABLE`, also for one of more than `limit` bytes
   */
  readFile(path: string, limit: number): Promise<SettingFile | undefined>;
  /** The first line of standard input, its end and perhaps more after it; at most `limit` bytes. */
  readInputLine(limit: number): Promise<Uint8Array>;
}

/** Who may read and write a file, as far as its own permissions and those of its directories say. */
export interface FileStanding {
  readonly facts: FileFacts;
  /** The directories that lead to it, its own first; where root does not run, this one alone. */
  readonly directories: readonly FileFacts[];
}

/** A file that was read. */
export interface SettingFile extends FileStanding {
  readonly bytes: Uint8Array;
}

/**
 * The real files, and the standard input of this process.
 *
 * @param disk what files are read through: where root runs, none but root's
 * @param signal ends the wait for standard input
 */
export function nodeSettingsEdge(disk: FileEdge, signal: AbortSignal): SettingsEdge {
  return {
    ...(disk.uid === undefined ? {} : { uid: disk.uid }),
    readFile: async (path, limit) => {
      const file = await readFile(path, { limit, owners: ROOT_ONLY }, disk);
      if (file === undefined) return undefined;
      const { bytes, facts, directory, path: real } = file;
      // Who else may read what root reads is nobody's question elsewhere.
      const above = disk.uid === 0 ? await directoriesAbove(dirname(real), disk) : [];
      return { bytes, facts, directories: [directory, ...above] };
    },
    readInputLine: (limit) => readStream(process.stdin, { limit, until: 'line', signal }),
  };
}

async function directoriesAbove(directory: string, disk: FileEdge): Promise<FileFacts[]> {
  const found: FileFacts[] = [];
  try {
    for (let at = directory; dirname(at) !== at; ) {
      at = dirname(at);
      const facts = await factsOf(at, disk);
      if (facts !== undefined) found.push(facts);
    }
  } catch (thrown) {
    throw unreadable(directory, thrown);
  }
  return found;
}
