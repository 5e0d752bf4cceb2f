import { Secret } from '../../model/secret.js';
import type { SandboxFamily } from '../authd-protocol.js';

/** What a user of the 4.x API may do, each on everything that there is. 3.x knows no permissions. */
export type ApiPermission =
  | 'agent:create'
  | 'agent:read'
  | 'agent:delete'
  | 'agent:modify_group'
  | 'group:read'
  | 'group:create'
  | 'group:modify_assignments';

/** A user of the API. */
export interface ApiUser {
  readonly name: string;
  readonly password: Secret;
  readonly permissions: 'all' | readonly ApiPermission[];
}

/** The families that have an API. */
export type ApiFamily = Exclude<SandboxFamily, 'ossec'>;

/**
 * The users that the sandbox starts with. The first is that of a fresh installation (Wazuh 3.13, 4.14); on 4.x there are
 * also one that may add agents and nothing else, one that may only look, and one that may take agents out.
 */
export const STOCK_USERS: Readonly<Record<ApiFamily, readonly ApiUser[]>> = {
  'wazuh-3': [{ name: 'foo', password: new Secret('bar'), permissions: 'all' }],
  'wazuh-4': [
    { name: 'wazuh', password: new Secret('wazuh'), permissions: 'all' },
    { name: 'enroll', password: new Secret('enroll'), permissions: ['agent:create'] },
    { name: 'reader', password: new Secret('reader'), permissions: ['agent:read', 'group:read'] },
    { name: 'retire', password: new Secret('retire'), permissions: ['agent:read', 'agent:delete'] },
  ],
};

/** Whether a user may do this. */
export function may({ permissions }: ApiUser, what: ApiPermission): boolean {
  return permissions === 'all' || permissions.includes(what);
}

/** The users of an API. */
export class ApiUsers {
  readonly #users: ReadonlyMap<string, ApiUser>;

  constructor(users: readonly ApiUser[]) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  named(name: string): ApiUser | undefined {
    return this.#users.get(name);
  }

  /** Whose the credentials in an `Authorization: Basic` header are; `undefined` where they are nobody's. */
  withBasic(authorization: string | undefined): ApiUser | undefined {
    const encoded = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    const user = colon === -1 ? undefined : this.#users.get(text.slice(0, colon));
    return user?.password.reveal() === text.slice(colon + 1) ? user : undefined;
  }
}
