import { EnrollError } from '../errors.js';
import { unreadable } from '../files/file-error.js';
import { printable } from '../model/printable.js';
import { decodeText, textFaultInWords } from '../model/text-encoding.js';
import type { Origin, Sourced } from './origin.js';
import { ofOrigin, withOrigin } from './origin.js';
import type { SettingFile, SettingsEdge } from './settings-edge.js';

/**
 * Reads a file that a setting names.
 * @throws EnrollError `FILE_UNREADABLE`, the setting named, also where there is no such file
 */
export async function readNamed(file: Sourced<string>, limit: number, edge: SettingsEdge): Promise<SettingFile> {
  const found = await readIfThere(file, limit, edge);
  if (found !== undefined) return found;
  throw placed(file, unreadable(file.value, Object.assign(new Error('no such file'), { code: 'ENOENT' })));
}

/** As {@link readNamed}; `undefined`: there is no such file, and nobody said that there is one. */
export async function readIfThere(
  file: Sourced<string>,
  limit: number,
  edge: SettingsEdge,
): Promise<SettingFile | undefined> {
  try {
    return await edge.readFile(file.value, limit);
  } catch (thrown) {
    throw placed(file, thrown);
  }
}

/**
 * The text of a file that was read, whatever Unicode it is written in.
 * @throws EnrollError `FILE_UNREADABLE` for bytes that are no text, the setting and the line named
 */
export function textOf(bytes: Uint8Array, file: Sourced<string>): string {
  try {
    return readText(bytes, file.value);
  } catch (thrown) {
    throw placed(file, thrown);
  }
}

/** As {@link textOf}, for what no setting names. @param where the path, or what else the bytes come from */
export function readText(bytes: Uint8Array, where: string): string {
  const decoded = decodeText(bytes);
  if (decoded.ok) return decoded.text;
  throw new EnrollError('FILE_UNREADABLE', `${printable(where)} cannot be read: ${textFaultInWords(decoded)}.`, {
    hint: SAVE_AS_UTF8,
  });
}

/** What to do about a file that is no text. */
export const SAVE_AS_UTF8 = 'Save it as UTF-8 (PowerShell: Out-File -Encoding utf8; elsewhere iconv -t utf-8).';

/** A file that names itself needs no second name in front. */
function placed({ value, origin }: Sourced<string>, thrown: unknown): unknown {
  return isItself(origin, value) ? ofOrigin(origin, thrown) : withOrigin(origin, thrown);
}

function isItself(origin: Origin, path: string): boolean {
  return origin.kind === 'file' && origin.line === undefined && origin.path === path;
}
