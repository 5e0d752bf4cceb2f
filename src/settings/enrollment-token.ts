import { join } from 'node:path';
import { canOthersWrite } from '../files/place.js';
import { installersFiles } from '../host/agent-home.js';
import type { AgentInstallation } from '../model/host.js';
import { httpsUrl } from '../model/https-endpoint.js';
import type { Secret } from '../model/secret.js';
import { trustOfToken } from '../obtain/https/anchor.js';
import { decodeToken, type EnrollmentToken, TOKEN_FILE_LIMIT, tokenError, tokenText } from '../obtain/https/token.js';
import type { AskedMethod } from './asked-method.js';
import { readIfThere, readNamed } from './named-file.js';
import { describeOrigin, type Origin, ofOrigin, type Sourced, withOrigin } from './origin.js';
import type { Warn } from './settings.js';
import type { SettingFile, SettingsEdge } from './settings-edge.js';
import type { Shown } from './shown.js';
import type { Sources } from './sources.js';
import { refuse } from './values.js';

/** An enrollment token of a Wazuh 5, and where it was found. */
export interface FoundToken {
  readonly token: EnrollmentToken;
  readonly origin: Origin;
  /** Present: an installer has left it in the agent's home, to be used once. */
  readonly ofInstaller?: true;
}

/** The text of a token that nobody has looked into yet. */
type TokenText = Omit<FoundToken, 'token'> & {
  /** Absent: where it should be there is nothing, or far too much. */
  readonly text?: Secret | undefined;
  /** In words. */
  readonly where: string;
};

const VARIABLE = 'WAZUH_ENROLLMENT_TOKEN';
const CREDENTIAL = 'agent-enroll.token';
const STANDARD_INPUT = '-';

/**
 * Finds the enrollment token: `--token-file`, environment, systemd credential, what an installer has left in the agent's
 * home. Of a file the first line counts.
 *
 * @returns `undefined`: there is none, or the command asks nobody for a key
 * @throws EnrollError with `SETTING_INVALID` for what is no token, or contradicts the method, never with any of its text;
 * `FILE_UNREADABLE`
 */
export async function readToken(
  sources: Sources,
  method: Sourced<AskedMethod>,
  agent: AgentInstallation,
  edge: SettingsEdge,
  warn: Warn,
): Promise<FoundToken | undefined> {
  if (!sources.has('token-file')) return undefined;
  const found =
    (await fromFile(sources, edge, warn)) ??
    fromVariable(sources) ??
    (await fromCredential(sources, edge, warn)) ??
    (await fromInstaller(sources, agent, edge, warn));
  if (found === undefined) return undefined;
  const { where, origin, ofInstaller } = found;
  if (method.value === 'authd' || method.value === 'api') {
    if (ofInstaller === undefined) {
      throw refuse(
        method.origin,
        `it contradicts the enrollment token (${describeOrigin(origin)}), which is for https. Give one of the two.`,
      );
    }
    warn(`${where} is not used: ${describeOrigin(method.origin)} says ${method.value}.`);
    return undefined;
  }
  return { token: decoded(found), origin, ...(ofInstaller === undefined ? {} : { ofInstaller }) };
}

function decoded({ text, where, origin }: TokenText): EnrollmentToken {
  if (text === undefined) throw refuse(origin, `there is no enrollment token on the first line of ${where}.`);
  const read = decodeToken(text);
  if (!read.ok) throw ofOrigin(origin, tokenError(read.fault, describeOrigin(origin)));
  try {
    trustOfToken(read.token);
    return read.token;
  } catch (thrown) {
    throw withOrigin(origin, thrown);
  }
}

async function fromFile(sources: Sources, edge: SettingsEdge, warn: Warn): Promise<TokenText | undefined> {
  const named = sources.text('token-file');
  if (named === undefined) return undefined;
  const { value: path, origin } = named;
  if (path === STANDARD_INPUT) {
    const bytes = await edge.readInputLine(TOKEN_FILE_LIMIT);
    return { text: tokenText(bytes, 'input'), where: 'standard input', origin };
  }
  const file = await readNamed(named, TOKEN_FILE_LIMIT, edge);
  tellIfPublic(path, file, edge, warn);
  return { text: tokenText(file.bytes), where: path, origin };
}

function fromVariable(sources: Sources): TokenText | undefined {
  const variable = sources.variable(VARIABLE);
  if (variable === undefined) return undefined;
  return { text: tokenText(Buffer.from(variable.value)), where: VARIABLE, origin: variable.origin };
}

async function fromCredential(sources: Sources, edge: SettingsEdge, warn: Warn): Promise<TokenText | undefined> {
  const directory = sources.variable('CREDENTIALS_DIRECTORY');
  if (directory === undefined) return undefined;
  const path = join(directory.value, CREDENTIAL);
  return await fromPlace(path, { kind: 'credential', path }, sources, edge, warn);
}

/** Whoever can write to this file says which manager this host is to trust, so it has to be root's word alone. */
async function fromInstaller(
  sources: Sources,
  agent: AgentInstallation,
  edge: SettingsEdge,
  warn: Warn,
): Promise<TokenText | undefined> {
  const { token: path } = installersFiles(agent);
  const origin = { kind: 'file', path } as const;
  const found = await fromPlace(path, origin, sources, edge, warn);
  if (found === undefined) return undefined;
  if (edge.uid !== undefined && canOthersWrite(found.file.facts, edge)) {
    throw refuse(
      origin,
      'others than root can change it, and it says which manager is to be trusted.',
      'If its content is right: chmod 0600. If not, take it away.',
    );
  }
  return { ...found, ofInstaller: true };
}

/** A file that nobody named for this run. */
async function fromPlace(
  path: string,
  origin: Origin,
  sources: Sources,
  edge: SettingsEdge,
  warn: Warn,
): Promise<(TokenText & { readonly file: SettingFile }) | undefined> {
  if (sources.isPassedOver(origin)) return undefined;
  const file = await readIfThere({ value: path, origin }, TOKEN_FILE_LIMIT, edge);
  if (file === undefined) return undefined;
  tellIfPublic(path, file, edge, warn);
  return { text: tokenText(file.bytes), where: path, origin, file };
}

function tellIfPublic(path: string, { facts }: SettingFile, { uid }: SettingsEdge, warn: Warn): void {
  // On Windows a mode says nothing.
  if (uid === undefined || (facts.mode & 0o004) === 0) return;
  warn(`${path} holds an enrollment token and can be read by every user of this host: set its mode to 0600.`);
}

/** What `detect` shows of a token: whom it is for, and what it brings and replaces; nothing that is in it. */
export function shownToken({ token, origin }: FoundToken): Shown {
  const { manager, anchor, credential } = token;
  const parts = [
    `for ${httpsUrl(manager)}`,
    credential === undefined ? 'without a credential' : 'with a credential',
    anchor.kind === 'pin' ? 'trust by the pin of a CA' : 'trust by a CA in it',
  ];
  const unused = { value: '(not used: token)', origin };
  return [
    ['token-file', { value: parts.join(', '), origin }],
    ['password-file', unused],
    ['pin', unused],
  ];
}

/**
 * What is given beside a token and contradicts it: another word on whom to trust, and a password, which is never sent
 * beside one. What is set for all hosts, or left in ossec.conf, is not used.
 *
 * @throws EnrollError `SETTING_INVALID`
 */
export function requireNothingBeside({ origin }: FoundToken, sources: Sources, warn: Warn): void {
  const token = `the enrollment token (${describeOrigin(origin)})`;
  const insecure = sources.switch('insecure');
  const trust = [sources.text('ca'), sources.text('pin'), insecure?.value === true ? insecure : undefined];
  for (const given of trust) {
    if (given === undefined || given.origin.kind === 'file') continue;
    throw refuse(
      given.origin,
      `it contradicts ${token}, which says by itself how the manager is to be trusted. Give one of the two.`,
    );
  }
  for (const given of [sources.text('password-file'), sources.text('password')]) {
    if (given?.origin.kind === 'flag') {
      throw refuse(given.origin, `it contradicts ${token}, beside which no password is sent. Give one of the two.`);
    }
    if (given !== undefined) warn(`${describeOrigin(given.origin)} is not used: beside ${token} no password is sent.`);
  }
}
