import { EnrollError } from '../../errors.js';
import { printable } from '../../model/printable.js';
import type { ParsedNotes } from './notes-text.js';

/** `FILE_UNREADABLE` for notes that cannot be understood: to pass over them would trust anybody. */
export function brokenNotes(parsed: Extract<ParsedNotes, { ok: false }>, path: string): EnrollError {
  if (parsed.fault === 'newer') {
    return new EnrollError('FILE_UNREADABLE', `${printable(path)} was written by a newer agent-enroll.`, {
      hint: 'Use that version, or the newest one.',
    });
  }
  return new EnrollError('FILE_UNREADABLE', `${printable(path)} is broken: ${parsed.what}.`, {
    hint: 'It holds the fingerprints of the managers that this host trusts. Restore it; or remove it, and name the manager with --pin sha256:… at the next enrollment.',
  });
}
