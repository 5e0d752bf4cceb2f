import { join } from 'node:path';
import { EnrollError, systemCode } from '../errors.js';
import { Secret } from '../model/secret.js';
import type { Origin, Sourced } from './origin.js';
import { describeOrigin } from './origin.js';
import type { Sources } from './sources.js';
import { refuse } from './values.js';

/** The files and streams that settings are read from. */
export interface SettingsEdge {
  /** A file's text, at most `limit` bytes of it. @throws the system's error */
  readText(path: string, limit: number): Promise<string>;
  readBytes(path: string, limit: number): Promise<Uint8Array>;
  /** Whether others than owner and group may read it; always false where the system cannot tell. */
  isPublic(path: string): Promise<boolean>;
  /** Standard input to its end, at most `limit` bytes. */
  readStandardInput(limit: number): Promise<string>;
}

/** A password and what the user should be told about where it was found. */
export interface FoundPassword {
  readonly password?: Sourced<Secret>;
  readonly warnings: readonly string[];
}

const PASSWORD_LIMIT = 64 * 1024;
const CREDENTIAL = 'agent-enroll.password';

/**
 * Finds the enrollment password: `--password-file`, `--password`, environment, systemd credential, the file that
 * ossec.conf names, the agent's own authd.pass. Of a file the first line counts, without its line end of either kind.
 *
 * @throws EnrollError with `SETTING_INVALID` (two given, or an empty one) or `FILE_UNREADABLE`
 */
export async function findPassword(
  sources: Sources,
  agentPasswordFile: string,
  edge: SettingsEdge,
): Promise<FoundPassword> {
  const file = sources.text('password-file');
  const text = sources.text('password');
  if (file !== undefined && text?.origin.kind === 'flag') {
    throw refuse(text.origin, 'it contradicts --password-file. Give one of the two.');
  }
  if (file !== undefined) return await passwordFromFile(file.value, file.origin, edge);
  if (text !== undefined) return fromText(text);
  const directory = sources.variable('CREDENTIALS_DIRECTORY');
  if (directory !== undefined) {
    const path = join(directory.value, CREDENTIAL);
    const found = await ifThere(path, { kind: 'credential', path }, edge);
    if (found !== undefined) return found;
  }
  const configured = sources.confPath('authorization_pass_path');
  const fallback = configured ?? {
    value: agentPasswordFile,
    origin: { kind: 'file', path: agentPasswordFile } as const,
  };
  return (await ifThere(fallback.value, fallback.origin, edge, 'may be empty')) ?? { warnings: [] };
}

function fromText(text: Sourced<string>): FoundPassword {
  const warnings =
    text.origin.kind === 'flag'
      ? ['--password can be read by every user of this host in the process list: use --password-file.']
      : [];
  return { password: { value: new Secret(text.value), origin: text.origin }, warnings };
}

/** A file that nobody named for this run: none there is no mistake, and neither is an empty one where it may be empty. */
async function ifThere(
  path: string,
  origin: Origin,
  edge: SettingsEdge,
  empty: 'may be empty' | 'is refused' = 'is refused',
): Promise<FoundPassword | undefined> {
  try {
    return await passwordFromFile(path, origin, edge, empty);
  } catch (thrown) {
    const cause = thrown instanceof EnrollError ? thrown.cause : thrown;
    if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}

/**
 * The password on the first line of a file, or of standard input (`-`).
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`
 */
export async function passwordFromFile(
  path: string,
  origin: Origin,
  edge: SettingsEdge,
  empty: 'may be empty' | 'is refused' = 'is refused',
): Promise<FoundPassword> {
  const text = path === '-' ? await edge.readStandardInput(PASSWORD_LIMIT) : await readFile(path, origin, edge);
  const named = path === '-' ? 'standard input' : path;
  const password = firstLine(text);
  if (password.includes('\0')) {
    throw refuse(
      origin,
      `${named} holds no text in UTF-8.`,
      'Save it as UTF-8 (PowerShell: Out-File -Encoding ascii).',
    );
  }
  if (password === '') {
    if (empty === 'is refused') throw refuse(origin, `the first line of ${named} holds no password.`);
    return { warnings: [`${path} is empty, so no password is sent.`] };
  }
  const warnings =
    path !== '-' && (await edge.isPublic(path))
      ? [`${path} holds a password and can be read by every user of this host: set its mode to 0640 or less.`]
      : [];
  return { password: { value: new Secret(password), origin }, warnings };
}

/** The first line, without its end and without the mark that Windows programs put before UTF-8. */
function firstLine(text: string): string {
  return (
    text
      .split('\n', 1)[0]
      ?.replace(/^\uFEFF/, '')
      .replace(/\r$/, '') ?? ''
  );
}

async function readFile(path: string, origin: Origin, edge: SettingsEdge): Promise<string> {
  try {
    return await edge.readText(path, PASSWORD_LIMIT);
  } catch (thrown) {
    throw unreadable(path, origin, thrown);
  }
}

/** The error for a file that a setting names and that cannot be read. */
export function unreadable(path: string, origin: Origin, cause: unknown): EnrollError {
  const where = describeOrigin(origin);
  const from = where.startsWith(path) ? '' : ` (${where})`;
  return new EnrollError(
    'FILE_UNREADABLE',
    `${path}${from} cannot be read (${systemCode(cause) ?? 'unknown reason'}).`,
    { cause },
  );
}
