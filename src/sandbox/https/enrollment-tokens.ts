import { randomBytes } from 'node:crypto';
import { Secret } from '../../model/secret.js';

/** A token as the manager keeps it. */
export interface KeptToken {
  /** 22 characters, as a `kid` has it. */
  readonly id: string;
  readonly secret: Secret<Uint8Array>;
  readonly expiresAt: Date;
  readonly revoked: boolean;
  /** Enrollments that are left. */
  readonly uses: number;
}

/** What a new token is good for. */
export interface TokenTerms {
  /** 30 days unless given. */
  readonly lifetimeMs?: number;
  /** Without an end unless given. */
  readonly uses?: number;
  /** Its id and its secret, 16 bytes each; new ones unless given. */
  readonly key?: Secret<Uint8Array>;
}

/** What the text of a token names: where to go, whom to trust, and perhaps with what. */
export interface TokenText {
  /** `host[:port][/[prefix]]`. */
  readonly address: string;
  readonly anchor: { readonly pin: Uint8Array } | { readonly ca: string };
  readonly token?: KeptToken;
}

const LIFETIME_MS = 30 * 86_400_000;
const PART_BYTES = 16;

/** The enrollment tokens of a manager. */
export class EnrollmentTokens {
  readonly #clock: () => Date;
  readonly #tokens = new Map<string, KeptToken>();

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  issue({ lifetimeMs = LIFETIME_MS, uses = Number.POSITIVE_INFINITY, key }: TokenTerms = {}): KeptToken {
    const bytes = key?.reveal() ?? randomBytes(2 * PART_BYTES);
    const token: KeptToken = {
      id: Buffer.from(bytes.subarray(0, PART_BYTES)).toString('base64url'),
      secret: new Secret<Uint8Array>(bytes.subarray(PART_BYTES)),
      expiresAt: new Date(this.#clock().getTime() + lifetimeMs),
      revoked: false,
      uses,
    };
    this.#tokens.set(token.id, token);
    return token;
  }

  get(id: string): KeptToken | undefined {
    return this.#tokens.get(id);
  }

  isExpired({ expiresAt }: KeptToken): boolean {
    return this.#clock().getTime() >= expiresAt.getTime();
  }

  /** False: there is none with this id. */
  revoke(id: string): boolean {
    const token = this.#tokens.get(id);
    if (token === undefined) return false;
    this.#tokens.set(id, { ...token, revoked: true });
    return true;
  }

  /** As if it had never been, or had not come to this node yet. False: there is none with this id. */
  forget(id: string): boolean {
    return this.#tokens.delete(id);
  }

  /** Takes one use of it. */
  spend(id: string): void {
    const token = this.#tokens.get(id);
    if (token !== undefined) this.#tokens.set(id, { ...token, uses: token.uses - 1 });
  }
}

/** The text that is handed to a host: canonical unpadded base64url of one JSON object. */
export function formatToken({ address, anchor, token }: TokenText): Secret {
  const trusted = 'pin' in anchor ? { pin: Buffer.from(anchor.pin).toString('base64url') } : { ca: anchor.ca };
  const credential = token === undefined ? {} : { key: credentialOf(token) };
  const text = JSON.stringify({ ver: 1, adr: address, ...trusted, ...credential });
  return new Secret(Buffer.from(text, 'utf8').toString('base64url'));
}

function credentialOf({ id, secret }: KeptToken): string {
  return Buffer.concat([Buffer.from(id, 'base64url'), secret.reveal()]).toString('base64url');
}
