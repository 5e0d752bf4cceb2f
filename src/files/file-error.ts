import { EnrollError, systemCode } from '../errors.js';
import { printable } from '../model/printable.js';

/** The user's words for a system error, and better advice than "run as root" where there is some. */
const REASONS: Readonly<Record<string, { readonly words: string; readonly hint?: string }>> = {
  EACCES: { words: 'permission denied' },
  EPERM: { words: 'the system does not allow it' },
  EROFS: {
    words: 'the file system is read-only',
    hint: 'Mount the file system for writing, or choose another place with --agent-home or --keys.',
  },
  ENOSPC: { words: 'no space is left on the file system', hint: 'Make room there, and run the command again.' },
  EDQUOT: { words: 'the disk quota is used up', hint: 'Make room there, and run the command again.' },
  EIO: { words: 'the disk reports an input/output error', hint: 'Check the disk and the system log.' },
  EBUSY: {
    words: 'it is in use or a mount of its own, and cannot be replaced',
    hint: 'Close the program that uses it. In a container, mount the directory instead of the single file.',
  },
  EXDEV: {
    words: 'it lies on another file system than its directory, and cannot be replaced',
    hint: 'In a container, mount the directory instead of the single file.',
  },
  ENOENT: { words: 'there is no such file or directory' },
  ENOTDIR: { words: 'a part of its path is not a directory' },
  EISDIR: { words: 'it is a directory' },
  ELOOP: { words: 'a symbolic link was put in its place' },
  ESTALE: { words: 'its directory was moved away meanwhile' },
  ENXIO: { words: 'it is no regular file' },
  ENAMETOOLONG: { words: 'its name is too long' },
  EMFILE: { words: 'too many files are open', hint: 'Raise the limit of open files, and run the command again.' },
  ENFILE: { words: 'too many files are open', hint: 'Raise the limit of open files, and run the command again.' },
};

/** Node has no name for a used-up quota: it says "Unknown system error", and the number (Linux: 122, macOS: 69). */
const QUOTA: ReadonlySet<string | undefined> = new Set(['Unknown system error -122', 'Unknown system error -69']);

function codeOf(thrown: unknown): string | undefined {
  const code = systemCode(thrown);
  return QUOTA.has(code) ? 'EDQUOT' : code;
}

/**
 * Why a file is not touched although the system would let us: it is not what it is taken for, or not whose it should be.
 * {@link unreadable} and {@link unwritable} make a user's error of it, with the path in front.
 */
export class Untouched extends Error {
  override readonly name = 'Untouched';
  readonly hint: string | undefined;

  /** @param reason in words, as the end of a sentence: "it is a FIFO" */
  constructor(reason: string, hint?: string) {
    super(reason);
    this.hint = hint;
  }
}

function reasonOf(thrown: unknown): string {
  const code = codeOf(thrown) ?? '';
  const known = REASONS[code];
  if (known !== undefined) return `${known.words} (${code})`;
  return printable(thrown instanceof Error ? thrown.message : String(thrown));
}

function hintOf(thrown: unknown): { hint?: string } {
  const hint = thrown instanceof Untouched ? thrown.hint : REASONS[codeOf(thrown) ?? '']?.hint;
  return hint === undefined ? {} : { hint };
}

/** `FILE_UNWRITABLE` for a path, with the system's reason in words. An {@link EnrollError} is passed through. */
export function unwritable(path: string, thrown: unknown): EnrollError {
  if (thrown instanceof EnrollError) return thrown;
  const message = `${printable(path)} cannot be written: ${reasonOf(thrown)}.`;
  return new EnrollError('FILE_UNWRITABLE', message, { ...hintOf(thrown), cause: thrown });
}

/** `FILE_UNREADABLE` for a path, with the system's reason in words. An {@link EnrollError} is passed through. */
export function unreadable(path: string, thrown: unknown): EnrollError {
  if (thrown instanceof EnrollError) return thrown;
  const hint = systemCode(thrown) === 'EACCES' ? { hint: 'Run as root (Administrator on Windows).' } : hintOf(thrown);
  const message = `${printable(path)} cannot be read: ${reasonOf(thrown)}.`;
  return new EnrollError('FILE_UNREADABLE', message, { ...hint, cause: thrown });
}

/** `FILE_UNWRITABLE` for a file whose new content is in place, but may not outlast a power failure. */
export class UndurableError extends EnrollError {
  constructor(path: string, thrown: unknown) {
    const message = `${printable(path)} was written, but the disk did not confirm it: ${reasonOf(thrown)}.`;
    super('FILE_UNWRITABLE', message, { ...hintOf(thrown), cause: thrown });
  }
}
