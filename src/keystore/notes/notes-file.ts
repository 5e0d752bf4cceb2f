import { join } from 'node:path';
import { systemCode } from '../../errors.js';
import { accessOf } from '../../files/access.js';
import { factsOf } from '../../files/directories.js';
import type { FileEdge } from '../../files/file-edge.js';
import { unreadable, unwritable } from '../../files/file-error.js';
import { atPlace } from '../../files/place.js';
import { ROOT_ONLY, readFile } from '../../files/read.js';
import { rehearse, removeLeftovers, replaceFile } from '../../files/replace.js';
import type { AgentInstallation } from '../../model/host.js';
import { brokenNotes } from './broken-notes.js';
import { earlierNotes, removeEarlierNotes } from './earlier-notes.js';
import { NOTHING_KNOWN, type Notes } from './notes.js';
import { notesDirectory, requireOwn } from './notes-directory.js';
import { formatNotes, parseNotes } from './notes-text.js';

/** What is remembered of this host, for as long as a run has the lock. */
export interface NotesFile {
  /** As last read or written. */
  readonly notes: Notes;
  /**
   * Replaces the notes by what `change` makes of them, as safely as the key itself. Nothing is written where that is
   * the same.
   *
   * @throws EnrollError FILE_UNWRITABLE
   */
  update(change: (before: Notes) => Notes): Promise<void>;
}

const NOTES_LIMIT = 256 * 1024;

/** Where the notes lie. */
export function notesPath(agent: Pick<AgentInstallation, 'home' | 'keysFile'>): string {
  return join(notesDirectory(agent), 'notes.json');
}

/**
 * What earlier runs noted, to be looked at and not to be changed.
 *
 * @throws EnrollError FILE_UNREADABLE, also for notes that are broken: they say which managers are trusted, and to
 * pass over them would trust anybody
 */
export async function readNotes(agent: AgentInstallation, edge: FileEdge): Promise<Notes> {
  return (await readOwn(agent, edge))?.notes ?? (await earlierNotes(agent, edge)) ?? NOTHING_KNOWN;
}

/**
 * Opens the notes, for whoever has the lock, and finds out that they can be written. Notes of a version that kept them
 * beside the key are taken over, once.
 *
 * @throws EnrollError as {@link readNotes}, FILE_UNWRITABLE
 */
export async function openNotes(agent: AgentInstallation, edge: FileEdge): Promise<NotesFile> {
  const own = await readOwn(agent, edge);
  let text = own?.text;
  let notes = own?.notes ?? NOTHING_KNOWN;
  const write = async (next: Notes) => {
    const formatted = formatNotes(next);
    const after = formatted === formatNotes(NOTHING_KNOWN) ? undefined : formatted;
    if (after !== text) await atNotes(agent, (path) => putNotes(path, after, agent, edge));
    text = after;
    notes = next;
  };
  const earlier = own === undefined ? await earlierNotes(agent, edge) : undefined;
  if (earlier !== undefined) await write(earlier);
  // Also those of a run that was killed once it had taken them over.
  await removeEarlierNotes(agent, edge);
  await atNotes(agent, (path) => rehearseNotes(path, agent, edge));
  return {
    get notes() {
      return notes;
    },
    update: (change) => write(change(notes)),
  };
}

async function readOwn(
  agent: AgentInstallation,
  edge: FileEdge,
): Promise<{ readonly text: string; readonly notes: Notes } | undefined> {
  const path = notesPath(agent);
  await requireOwnDirectory(agent, edge);
  const file = await readFile(path, { limit: NOTES_LIMIT, owners: ROOT_ONLY }, edge);
  if (file === undefined) return undefined;
  const text = file.bytes.toString('utf8');
  const parsed = parseNotes(text);
  if (!parsed.ok) throw brokenNotes(parsed, path);
  return { text, notes: parsed.notes };
}

async function requireOwnDirectory(agent: AgentInstallation, edge: FileEdge): Promise<void> {
  const directory = notesDirectory(agent);
  try {
    const facts = await factsOf(directory, edge);
    if (facts !== undefined) requireOwn(directory, facts, edge);
  } catch (error) {
    if (systemCode(error) !== 'ENOTDIR') throw unreadable(directory, error);
  }
}

async function atNotes(agent: AgentInstallation, work: (path: string) => Promise<void>): Promise<void> {
  const path = notesPath(agent);
  try {
    await work(path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** @param text absent: there is nothing to remember, and a host like that is left without notes */
function putNotes(path: string, text: string | undefined, agent: AgentInstallation, edge: FileEdge): Promise<void> {
  return atPlace(path, edge, async (place) => {
    await removeLeftovers(place);
    if (text === undefined) {
      await place.directory.unlink(place.name);
      return await place.directory.sync();
    }
    return await replaceFile(place, text, accessOf('notes', agent, await place.directory.facts(), edge), edge);
  });
}

function rehearseNotes(path: string, agent: AgentInstallation, edge: FileEdge): Promise<void> {
  return atPlace(path, edge, async (place) => {
    // What a killed run left stays for good where there is nothing more to note.
    await removeLeftovers(place);
    await rehearse(place, accessOf('notes', agent, await place.directory.facts(), edge), edge);
  });
}
