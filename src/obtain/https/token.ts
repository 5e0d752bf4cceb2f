import { isUtf8 } from 'node:buffer';
import { EnrollError } from '../../errors.js';
import { decodeBase64url } from '../../model/base64url.js';
import { firstLine } from '../../model/first-line.js';
import { type HttpsEndpoint, parseHttpsEndpoint } from '../../model/https-endpoint.js';
import { isObject, type JsonObject, parseJson, textOf } from '../../model/json.js';
import type { EnrollCredential } from '../../model/manager-jwt.js';
import { Secret } from '../../model/secret.js';
import { isWholeText } from '../../model/text-encoding.js';

/** What an enrollment token of a Wazuh 5 says. */
export interface EnrollmentToken {
  readonly manager: HttpsEndpoint;
  readonly anchor: TokenAnchor;
  /** Absent: the manager takes agents without a credential, and none is sent, no password either. */
  readonly credential?: Extract<EnrollCredential, { kind: 'token' }>;
}

/** By what the manager is to be trusted, and by nothing else. */
export type TokenAnchor =
  /** SHA-256 of the public key (SPKI) of the CA, 64 lower-case hex digits. */
  | { readonly kind: 'pin'; readonly pin: string }
  /** The CA itself, PEM, to be installed as it is. */
  | { readonly kind: 'ca'; readonly ca: string };

/** What is wrong with a token, in the order in which it is looked for: the first one counts. */
export type TokenFault = 'MALFORMED' | 'VERSION' | 'NO_ANCHOR' | 'BOTH_ANCHORS' | 'BAD_ADR' | 'BAD_PIN' | 'BAD_KEY';

/** The outcome of {@link decodeToken}. */
export type DecodedToken =
  | { readonly ok: true; readonly token: EnrollmentToken }
  | { readonly ok: false; readonly fault: TokenFault };

const FAULTS: Readonly<Record<TokenFault, string>> = {
  MALFORMED: 'it is not the text that a manager shows: a part may be missing, or something was added',
  VERSION: 'it is of a version that this program does not know',
  NO_ANCHOR: 'it has neither the pin of a CA nor a CA, so the manager could not be trusted',
  BOTH_ANCHORS: 'it has both the pin of a CA and a CA, and only one of them may be there',
  BAD_ADR: "the manager's address in it is none",
  BAD_PIN: 'the pin of the CA in it is none',
  BAD_KEY: 'the credential in it is none',
};

/** The user's words for what is wrong with a token, without any of its text. */
export function tokenFaultInWords(fault: TokenFault): string {
  return FAULTS[fault];
}

/**
 * The error for a token that cannot be used.
 * @param source where it came from, in words: `--token-file /run/token`
 */
export function tokenError(fault: TokenFault, source: string): EnrollError {
  return new EnrollError('SETTING_INVALID', `The enrollment token of ${source} cannot be used: ${FAULTS[fault]}.`, {
    hint: 'Give the token as the manager has shown it, in one line: wazuh-manager-authd --create-enrollment-token --address NAME makes another one.',
  });
}

/** A file of a token is read up to here, in bytes. */
export const TOKEN_FILE_LIMIT = 98_304;

/**
 * The token in the bytes of a file, a variable or standard input: the first line without its line end, and nothing else
 * trimmed, but what a terminal or a pipe adds to standard input. `undefined`: there is none, or far too much.
 */
export function tokenText(bytes: Uint8Array, from: 'file' | 'input' = 'file'): Secret | undefined {
  if (bytes.length >= TOKEN_FILE_LIMIT) return undefined;
  const line = Buffer.from(firstLine(bytes)).toString('latin1').replace(/\r+$/, '');
  const text = from === 'input' ? line.replace(/^[ \t]+|[ \t\r]+$/g, '') : line;
  return text === '' ? undefined : new Secret(text);
}

/**
 * Reads a token: canonical base64url, without padding, of one JSON object
 * `{"ver":1,"adr":…,"pin":…|"ca":…[,"key":…]}`. White space and escapes in the JSON are allowed, other members are not.
 */
export function decodeToken(text: Secret): DecodedToken {
  const members = membersOf(text.reveal());
  if (members === undefined) return fault('MALFORMED');
  const { ver, pin, ca, key } = members;
  if (ver !== 1) return fault('VERSION');
  if (pin === undefined && ca === undefined) return fault('NO_ANCHOR');
  if (pin !== undefined && ca !== undefined) return fault('BOTH_ANCHORS');
  const manager = parseHttpsEndpoint(members.adr ?? '');
  if (manager === undefined) return fault('BAD_ADR');
  const anchor = pin === undefined ? ({ kind: 'ca', ca: ca ?? '' } as const) : pinAnchor(pin);
  if (anchor === undefined) return fault('BAD_PIN');
  if (key === undefined) return { ok: true, token: { manager, anchor } };
  const credential = credentialOf(key);
  return credential === undefined ? fault('BAD_KEY') : { ok: true, token: { manager, anchor, credential } };
}

/** Whether a text is a token, or the beginning of one, wherever it was given: it must not be repeated. */
export function looksLikeToken(text: string): boolean {
  const words = text.match(/[A-Za-z0-9_-]{40,}/g) ?? [];
  return words.some((word) => /^\s*\{\s*"\w+"\s*:/.test(Buffer.from(word, 'base64url').toString('latin1')));
}

interface Members {
  readonly ver?: number;
  readonly adr?: string;
  readonly pin?: string;
  readonly ca?: string;
  readonly key?: string;
}

function membersOf(text: string): Members | undefined {
  const bytes = decodeBase64url(text);
  if (bytes === undefined || !isUtf8(bytes)) return undefined;
  const json = bytes.toString('utf8');
  const object = parseJson(json);
  if (!isObject(object) || !isOfMembers(object) || hasDuplicates(json, object)) return undefined;
  const { ver } = object;
  const texts = Object.fromEntries(
    ['adr', 'pin', 'ca', 'key'].flatMap((name) => {
      const value = textOf(object[name]);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return { ...texts, ...(typeof ver === 'number' ? { ver } : {}) };
}

/** The members that there are, and what each has to be. */
const TYPES: ReadonlyMap<string, 'number' | 'string'> = new Map([
  ['ver', 'number'],
  ['adr', 'string'],
  ['pin', 'string'],
  ['ca', 'string'],
  ['key', 'string'],
]);

/** Half a character, which an escape can stand for, is no text to a manager. */
function isOfMembers(object: JsonObject): boolean {
  return Object.entries(object).every(
    ([name, value]) => typeof value === TYPES.get(name) && (typeof value !== 'string' || isWholeText(value)),
  );
}

/**
 * Whether a member is there twice, of which JSON.parse keeps the last. In an object without objects in it each text that
 * a colon follows is a name.
 */
function hasDuplicates(json: string, object: JsonObject): boolean {
  const texts = [...json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)];
  return texts.filter(([, colon]) => colon !== undefined).length !== Object.keys(object).length;
}

function pinAnchor(pin: string): TokenAnchor | undefined {
  const bytes = decodeBase64url(pin);
  return bytes?.length === 32 ? { kind: 'pin', pin: bytes.toString('hex') } : undefined;
}

/** 16 bytes that name the credential, and 16 that are it. */
function credentialOf(key: string): EnrollmentToken['credential'] {
  const bytes = decodeBase64url(key);
  if (bytes?.length !== 32) return undefined;
  const id = bytes.subarray(0, 16).toString('base64url');
  return { kind: 'token', id, secret: new Secret<Uint8Array>(bytes.subarray(16)) };
}

function fault(which: TokenFault): DecodedToken {
  return { ok: false, fault: which };
}
