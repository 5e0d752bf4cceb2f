import { isCanonicalId, type ReenrollSecret } from './manager-jwt.js';
import { Secret } from './secret.js';

// Upper case and a second space are not read by the agent either.
const FILE = /^(\d{1,8}) ([0-9a-f]{64})(?:\r?\n)?$/;

/** Whether this is a re-enrollment secret as a manager gives one: 64 lower-case hex digits. */
export function isReenrollSecret(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Reads the text of `reenroll.secret`: `id secret`, one space. `undefined`: it is none, and is to be ignored. */
export function parseReenrollSecret(text: string): ReenrollSecret | undefined {
  const [, id, secret] = FILE.exec(text) ?? [];
  if (id === undefined || secret === undefined || !isCanonicalId(id)) return undefined;
  return { id, secret: new Secret(secret) };
}

/** The text of `reenroll.secret`, its line end included. */
export function formatReenrollSecret({ id, secret }: ReenrollSecret): string {
  return `${id} ${secret.reveal()}\n`;
}
