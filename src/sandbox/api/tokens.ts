import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { isObject } from '../../model/json.js';
import { Secret } from '../../model/secret.js';
import type { ApiUser } from './users.js';

/** What {@link ApiTokens} are made with. */
export interface TokenOptions {
  readonly lifetimeMs: number;
  readonly clock: () => Date;
}

const HEADER = encode({ alg: 'ES512', typ: 'JWT' });
const ISSUER = 'wazuh';
const AUDIENCE = 'Wazuh API REST';

/** The tokens of the 4.x API: JWT, signed with ES512 and a key that is new with each start (Wazuh 4.14). */
export class ApiTokens {
  readonly #options: TokenOptions;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-521' });

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  issue({ name, permissions }: ApiUser): Secret {
    const now = this.#options.clock().getTime();
    const signed = `${HEADER}.${encode({
      iss: ISSUER,
      aud: AUDIENCE,
      nbf: Math.floor(now / 1_000),
      exp: expiry(now, this.#options.lifetimeMs),
      sub: name,
      run_as: false,
      rbac_roles: permissions === 'all' ? [1] : [],
      rbac_mode: 'white',
    })}`;
    const signature = sign('sha512', Buffer.from(signed), { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' });
    return new Secret(`${signed}.${signature.toString('base64url')}`);
  }

  /** The name of the user that a token was issued to; `undefined`: it is not one of these, or its time is over. */
  userOf(token: string): string | undefined {
    const [header = '', payload = '', signature = '', ...rest] = token.split('.');
    if (rest.length > 0 || header !== HEADER) return undefined;
    const key = { key: this.#keys.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    const bytes = Buffer.from(signature, 'base64url');
    if (!verify('sha512', Buffer.from(`${header}.${payload}`), key, bytes)) return undefined;
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (!isObject(claims)) return undefined;
    const { exp, sub } = claims;
    if (typeof exp !== 'number' || typeof sub !== 'string') return undefined;
    return this.#options.clock().getTime() < exp * 1_000 ? sub : undefined;
  }
}

// Whole seconds, as recorded, unless the lifetime has a fraction of one.
function expiry(now: number, lifetimeMs: number): number {
  if (lifetimeMs % 1_000 !== 0) return (now + lifetimeMs) / 1_000;
  return Math.floor(now / 1_000) + lifetimeMs / 1_000;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
