import { createHmac, hkdfSync } from 'node:crypto';
import type { AgentRecord } from './agent-record.js';
import { Secret } from './secret.js';

/** What is different in each token. */
export interface JwtMoment {
  /** When it is signed, in whole seconds since 1970. */
  readonly iat: number;
  /** 16 random bytes, new for each token: a manager takes one only once. */
  readonly jti: Uint8Array;
}

/** By what a Wazuh 5 is asked for a key. */
export type EnrollCredential =
  /** The manager's enrollment password: the bytes of a first line. */
  | { readonly kind: 'password'; readonly password: Secret<Uint8Array> }
  /** The credential of an enrollment token: the id, 22 characters of base64url, and 16 bytes. */
  | { readonly kind: 'token'; readonly id: string; readonly secret: Secret<Uint8Array> }
  | ({ readonly kind: 'reenroll' } & ReenrollSecret);

/** What a manager gives with a key, so that the agent can get another key and keep its id. */
export interface ReenrollSecret {
  /** The agent's id, as in its record. */
  readonly id: string;
  /** 64 lower-case hex digits. */
  readonly secret: Secret;
}

/** For how long a token is good, in seconds. */
const LIFETIME_S = 60;

/** Four forms of one id would be four names of one agent: a manager takes the one that it writes itself. */
const CANONICAL_ID = /^(?!000$)(?:\d{3}|[1-9]\d{3,9})$/;
const LARGEST_ID = 4_294_967_295;

/** Whether this is an agent's id as a manager writes it (`001`, `1024`): only such a one can name the signer. */
export function isCanonicalId(id: string): boolean {
  return CANONICAL_ID.test(id) && Number(id) <= LARGEST_ID;
}

/**
 * The token by which a request is signed with an agent's key (`wazuh-agent+jwt`). The signing key is the 32 bytes that
 * the record's key is the hex of. `undefined`: it is none that a Wazuh 5 issues, or the id is not canonical.
 */
export function agentJwt({ id, key }: Pick<AgentRecord, 'id' | 'key'>, { iat, jti }: JwtMoment): Secret | undefined {
  const hex = key.reveal();
  if (!/^[0-9a-f]{64}$/i.test(hex) || !isCanonicalId(id)) return undefined;
  const claims = { ...times(iat), iss: `wazuh-agent/${id}`, jti: base64url(jti), nbf: iat, sub: id };
  return sign({ alg: 'HS256', kid: id, typ: 'wazuh-agent+jwt' }, claims, Buffer.from(hex, 'hex'));
}

/** The token by which a request for a key is signed (`wazuh-enroll+jwt`). */
export function enrollJwt(credential: EnrollCredential, { iat, jti }: JwtMoment): Secret {
  const claims = { ...times(iat), jti: base64url(jti), nbf: iat };
  const kid = credential.kind === 'password' ? {} : { kid: credential.id };
  return sign({ alg: 'HS256', ...kid, typ: 'wazuh-enroll+jwt' }, claims, enrollKey(credential));
}

/** The 32 bytes that a token for enrolling is signed with: HKDF-SHA256 (RFC 5869) of the credential, a salt of zeros. */
export function enrollKey(credential: EnrollCredential): Uint8Array {
  switch (credential.kind) {
    case 'password':
      return derive(credential.password.reveal(), 'WAZUH-ENROLL-JWT-KEY');
    case 'token':
      return derive(credential.secret.reveal(), 'WAZUH-ENROLL-TOKEN-KEY');
    case 'reenroll':
      return derive(Buffer.from(credential.secret.reveal(), 'hex'), 'WAZUH-REENROLL-KEY');
  }
}

function derive(material: Uint8Array, label: string): Uint8Array {
  const info = Buffer.concat([Buffer.from(label, 'ascii'), Buffer.from([1])]);
  return Buffer.from(hkdfSync('sha256', material, Buffer.alloc(32), info, 32));
}

// A manager refuses a member too many, and a number that is not whole. The order is that of the letters.
function sign(header: object, claims: object, key: Uint8Array): Secret {
  const signed = `${base64url(Buffer.from(JSON.stringify(header)))}.${base64url(Buffer.from(JSON.stringify(claims)))}`;
  return new Secret(`${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`);
}

function times(iat: number): { readonly exp: number; readonly iat: number } {
  return { exp: iat + LIFETIME_S, iat };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
