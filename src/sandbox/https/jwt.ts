import { createHmac, timingSafeEqual } from 'node:crypto';
import { flatObject } from './flat-json.js';

/** What a JWT is for: to enroll, or to speak as an agent. */
export type JwtProfile = 'wazuh-enroll+jwt' | 'wazuh-agent+jwt';

/** A JWT of one of the two profiles: its shape is right, its signature and its time are still to be looked at. */
export interface ReadJwt {
  /** Absent: it is signed with the enrollment password. */
  readonly kid?: string;
  /** Unix time, s. */
  readonly iat: number;
  readonly jti: string;
  /** What the signature is over. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

/** Whose key a `kid` names. */
export type Signer = 'password' | 'token' | 'agent';

type Members = ReadonlyMap<string, string | number>;

const LIFETIME_S = 60;
const SKEW_S = 30;
const NONCE_BYTES = 16;
const LAST_ID = 0xffff_ffff;
const CLAIMS: Readonly<Record<JwtProfile, readonly string[]>> = {
  'wazuh-enroll+jwt': ['exp', 'iat', 'jti', 'nbf'],
  'wazuh-agent+jwt': ['exp', 'iat', 'iss', 'jti', 'nbf', 'sub'],
};

/** Reads a JWT that must be of this profile to the letter: these members and no others, whole numbers, 60 s (Wazuh 5.0). */
export function readJwt(text: string, profile: JwtProfile): ReadJwt | undefined {
  const [head = '', payload = '', mark, ...rest] = text.split('.');
  if (mark === undefined) return undefined;
  const [header, claims] = [membersOf(head), membersOf(payload)];
  const signature = canonicalBytes(mark);
  if (header === undefined || claims === undefined || signature === undefined || rest.length > 0) return undefined;
  const kid = header.get('kid');
  if (header.get('alg') !== 'HS256' || header.get('typ') !== profile) return undefined;
  if (!hasExactly(header, kid === undefined ? ['alg', 'typ'] : ['alg', 'kid', 'typ'])) return undefined;
  if (typeof kid === 'number' || signerOf(kid) === undefined) return undefined;
  if (profile === 'wazuh-agent+jwt' && !isOfAgent(claims, kid)) return undefined;

  const [iat, jti] = [claims.get('iat'), claims.get('jti')];
  if (!hasExactly(claims, CLAIMS[profile]) || typeof iat !== 'number' || typeof jti !== 'string') return undefined;
  if (claims.get('nbf') !== iat || claims.get('exp') !== iat + LIFETIME_S) return undefined;
  if (canonicalBytes(jti)?.length !== NONCE_BYTES) return undefined;
  return { ...(kid === undefined ? {} : { kid }), iat, jti, signed: `${head}.${payload}`, signature };
}

/** Whose key signs: that of the password, of a token by its id, or of an agent by its own; `undefined`: it names nobody. */
export function signerOf(kid: string | undefined): Signer | undefined {
  if (kid === undefined) return 'password';
  if (canonicalBytes(kid)?.length === NONCE_BYTES) return 'token';
  return /^(?:\d{3}|[1-9]\d{3,9})$/.test(kid) && Number(kid) <= LAST_ID ? 'agent' : undefined;
}

/** Whether this key signed it (HMAC-SHA256). */
export function isSignedWith({ signed, signature }: ReadJwt, key: Uint8Array): boolean {
  const wanted = createHmac('sha256', key).update(signed).digest();
  return wanted.length === signature.length && timingSafeEqual(wanted, signature);
}

/** Whether the manager takes it at this time: up to 30 s ahead of its clock, and 90 s old. */
export function isInTime(iat: number, nowS: number): boolean {
  return iat <= nowS + SKEW_S && nowS - iat <= LIFETIME_S + SKEW_S;
}

/** The bytes of unpadded base64url, where it is written in the one right way. */
export function canonicalBytes(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function membersOf(part: string): Members | undefined {
  const bytes = canonicalBytes(part);
  return bytes === undefined ? undefined : flatObject(Buffer.from(bytes).toString('utf8'));
}

function hasExactly(members: Members, names: readonly string[]): boolean {
  return members.size === names.length && names.every((name) => members.has(name));
}

function isOfAgent(claims: Members, kid: string | undefined): boolean {
  return signerOf(kid) === 'agent' && claims.get('sub') === kid && claims.get('iss') === `wazuh-agent/${kid}`;
}
