import { join } from 'node:path';
import { firstLine } from '../model/first-line.js';
import { Secret } from '../model/secret.js';
import { readIfThere, readNamed, SAVE_AS_UTF8 } from './named-file.js';
import { isInProcessList, type Sourced } from './origin.js';
import type { Warn } from './settings.js';
import type { SettingFile, SettingsEdge } from './settings-edge.js';
import type { Sources } from './sources.js';
import { refuse } from './values.js';
import type { SentSecret } from './vouching.js';

/** A password, and what is known of the file that it was read from; none: it was read from no file. */
export type FoundPassword = Sourced<Secret<Uint8Array>> & Pick<SentSecret, 'files'>;

const PASSWORD_LIMIT = 64 * 1024;
const CREDENTIAL = 'agent-enroll.password';
const STANDARD_INPUT = '-';

/**
 * Finds the enrollment password: `--password-file`, `--password`, environment, systemd credential, the file that
 * ossec.conf names, the agent's own authd.pass. Of a file the first line counts, without its line end of either kind.
 *
 * @returns `undefined`: there is none
 * @throws EnrollError with `SETTING_INVALID` (two given, or an empty one) or `FILE_UNREADABLE`
 */
export async function findPassword(
  sources: Sources,
  agentPasswordFile: string,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundPassword | undefined> {
  const file = sources.text('password-file');
  const text = sources.text('password');
  if (file !== undefined && text?.origin.kind === 'flag') {
    throw refuse(text.origin, 'it contradicts --password-file. Give one of the two.');
  }
  if (file !== undefined) return await passwordFromFile(file, edge, warn);
  if (text !== undefined) return fromFlagOrVariable(text, warn);
  return (await fromCredential(sources, edge, warn)) ?? (await fromAgent(sources, agentPasswordFile, edge, warn));
}

function fromFlagOrVariable(text: Sourced<string>, warn: Warn): FoundPassword {
  if (isInProcessList(text.origin)) {
    warn('--password can be read by every user of this host in the process list: use --password-file.');
  }
  return passwordFromText(text);
}

/**
 * A password of the command line or the environment.
 * @throws EnrollError with `SETTING_INVALID` where it is not UTF-8, of which Node passes on a replacement
 */
export function passwordFromText({ value, origin }: Sourced<string>): FoundPassword {
  if (value.includes('\uFFFD')) {
    throw refuse(origin, 'it is not UTF-8.', 'Give it in a file, whose bytes are sent as they stand.');
  }
  return { value: new Secret<Uint8Array>(Buffer.from(value, 'utf8')), origin, files: [] };
}

async function fromCredential(sources: Sources, edge: SettingsEdge, warn: Warn): Promise<FoundPassword | undefined> {
  const directory = sources.variable('CREDENTIALS_DIRECTORY');
  if (directory === undefined) return undefined;
  const path = join(directory.value, CREDENTIAL);
  const named = { value: path, origin: { kind: 'credential', path } } as const;
  if (sources.isPassedOver(named.origin)) return undefined;
  const file = await readIfThere(named, PASSWORD_LIMIT, edge);
  if (file === undefined) return undefined;
  tellIfPublic(path, file, edge, warn);
  // Whatever its mode says: systemd passes it to this service and nobody else.
  return { value: passwordIn(file.bytes, named, path), origin: named.origin, files: [] };
}

/** A file that nobody named for this run: none there is no mistake, and neither is an empty one. */
async function fromAgent(
  sources: Sources,
  path: string,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundPassword | undefined> {
  const named = sources.confPath('authorization_pass_path') ?? { value: path, origin: { kind: 'file', path } as const };
  if (sources.isPassedOver(named.origin)) return undefined;
  const file = await readIfThere(named, PASSWORD_LIMIT, edge);
  if (file === undefined) return undefined;
  if (firstLine(file.bytes).length === 0) {
    warn(`${named.value} is empty, so no password is sent.`);
    return undefined;
  }
  tellIfPublic(named.value, file, edge, warn);
  return { value: passwordIn(file.bytes, named, named.value), origin: named.origin, files: [file] };
}

/**
 * The password on the first line of a file, or of standard input (`-`).
 * @throws EnrollError with `SETTING_INVALID` or `FILE_UNREADABLE`
 */
export async function passwordFromFile(named: Sourced<string>, edge: SettingsEdge, warn: Warn): Promise<FoundPassword> {
  const { value: path, origin } = named;
  if (path === STANDARD_INPUT) {
    const bytes = await edge.readInputLine(PASSWORD_LIMIT);
    return { value: passwordIn(bytes, named, 'standard input'), origin, files: [] };
  }
  const file = await readNamed(named, PASSWORD_LIMIT, edge);
  tellIfPublic(path, file, edge, warn);
  return { value: passwordIn(file.bytes, named, path), origin, files: [file] };
}

function passwordIn(bytes: Uint8Array, { origin }: Sourced<string>, where: string): Secret<Uint8Array> {
  const line = firstLine(bytes);
  // UTF-16 without its mark, most likely: no password has such a byte.
  if (line.includes(0)) throw refuse(origin, `${where} holds no text in UTF-8.`, SAVE_AS_UTF8);
  if (line.length === 0) throw refuse(origin, `the first line of ${where} holds no password.`);
  return new Secret(line);
}

function tellIfPublic(path: string, { facts }: SettingFile, { uid }: SettingsEdge, warn: Warn): void {
  // On Windows a mode says nothing.
  if (uid === undefined || (facts.mode & 0o004) === 0) return;
  warn(`${path} holds a password and can be read by every user of this host: set its mode to 0640 or less.`);
}
