import { dirname, join } from 'node:path';
import type { FileEdge } from '../../files/file-edge.js';
import { atPlace } from '../../files/place.js';
import { ROOT_ONLY, readFile } from '../../files/read.js';
import type { AgentInstallation } from '../../model/host.js';
import { parseJson } from '../../model/json.js';
import { isBelow } from '../agent-directories.js';
import { brokenNotes } from './broken-notes.js';
import { NOTHING_KNOWN, type Notes } from './notes.js';
import { begunRequest, parseNotes } from './notes-text.js';

// Until 0.1 there were two files: the notes beside the key, and a request that had no end in the home.
const LIMIT = 256 * 1024;

function pathsOf({ home, keysFile }: AgentInstallation): { readonly notes: string; readonly request: string } {
  const around = isBelow(keysFile, home) ? home : dirname(keysFile);
  return { notes: `${keysFile}.agent-enroll.json`, request: join(around, '.agent-enroll.journal') };
}

/**
 * What a version that kept its notes beside the key has left; `undefined`: nothing.
 * @throws EnrollError FILE_UNREADABLE
 */
export async function earlierNotes(agent: AgentInstallation, edge: FileEdge): Promise<Notes | undefined> {
  const paths = pathsOf(agent);
  const rules = { limit: LIMIT, owners: ROOT_ONLY };
  const notes = await readFile(paths.notes, rules, edge);
  const request = await readFile(paths.request, rules, edge);
  if (notes === undefined && request === undefined) return undefined;
  return {
    ...(notes === undefined ? NOTHING_KNOWN : understood(notes.bytes.toString('utf8'), paths.notes)),
    ...(request === undefined ? {} : { request: begunRequest(parseJson(request.bytes.toString('utf8'))) }),
  };
}

function understood(text: string, path: string): Notes {
  const parsed = parseNotes(text);
  if (parsed.ok) return parsed.notes;
  throw brokenNotes(parsed, path);
}

/** Removes them, once they are taken over. What cannot be removed is not looked at again. */
export async function removeEarlierNotes(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  for (const path of Object.values(pathsOf(agent))) {
    await atPlace(path, edge, ({ directory, name }) => directory.unlink(name)).catch(() => undefined);
  }
}
