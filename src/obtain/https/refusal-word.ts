import type { ManagerRefusal } from '../../model/manager-answer.js';
import type { Refusal, RefusalContext } from './refusal-meaning.js';

/** A worker gets a token, and a manager a corrected clock, within this time, in milliseconds. */
const MINUTE_MS = 60_000;
/** A token that is dead may have been made anew on the master and not be on this node yet. */
const SOON = { wait: { forMs: 5000 } } as const;

const CREATE = 'wazuh-manager-authd --create-enrollment-token --address NAME';

/** What the words of a 401 mean (Wazuh 5.0, September); `undefined`: one that nobody has seen. */
export function byWord(word: ManagerRefusal['code'], { credential }: RefusalContext): Refusal | undefined {
  switch (word) {
    case 'invalid_request':
      return invalidRequest(credential);
    case 'invalid_signature':
      return invalidSignature(credential);
    case 'stale_token':
      return {
        code: 'CLOCK_REFUSED',
        message: "The manager's clock and this host's are too far apart.",
        again: { clock: true, wait: { forMs: MINUTE_MS } },
      };
    case 'token_unknown':
      return {
        code: 'TOKEN_REFUSED',
        message: 'This manager does not know the enrollment token.',
        hint: `It may have been removed, or be that of another manager; a worker of a cluster needs some seconds to get it. ${CREATE} makes another one.`,
        again: { wait: { forMs: MINUTE_MS } },
      };
    case 'token_expired':
      return { code: 'TOKEN_REFUSED', message: 'The enrollment token has expired.', again: SOON };
    case 'token_revoked':
      return { code: 'TOKEN_REFUSED', message: 'The enrollment token was revoked.', again: SOON };
    case 'unknown_agent':
      return {
        code: 'REENROLL_SECRET_REFUSED',
        message: 'The manager does not know the agent whose re-enrollment secret this host has.',
      };
    case 'enrollment_key_unavailable':
      return {
        code: 'MANAGER_NOT_READY',
        message: 'The manager has not loaded its enrollment password.',
        hint: 'It may be starting. If it stays like this, check its etc/authd.pass, or enroll with a token.',
        again: { wait: {} },
      };
    default:
      return undefined;
  }
}

type Kind = RefusalContext['credential'];

function invalidRequest(credential: Kind): Refusal {
  if (credential === undefined) {
    return {
      code: 'PASSWORD_REFUSED',
      message: 'The manager wants an enrollment token or a password, and none was given.',
      hint: `Give a token with --token-file (${CREATE}), or the manager's enrollment password (etc/authd.pass there) with --password-file. A token without a credential is not enough for this manager.`,
    };
  }
  return { code: 'INTERNAL', message: 'The manager did not understand what the request was signed with.' };
}

function invalidSignature(credential: Kind): Refusal {
  const again = { clock: true } as const;
  switch (credential) {
    case 'password':
      return { code: 'PASSWORD_REFUSED', message: 'The manager did not accept the enrollment password.', again };
    case 'token':
      return {
        code: 'TOKEN_REFUSED',
        message: 'The manager did not accept the credential of the enrollment token.',
        again,
      };
    case 'reenroll':
      return {
        code: 'REQUEST_REFUSED',
        message: 'The manager did not accept the re-enrollment secret of this agent. It was kept.',
        hint: 'It may be older than the one that the manager has. Enroll with a token or the password.',
        again,
      };
    case undefined:
      return { code: 'PASSWORD_REFUSED', message: 'The manager wants an enrollment token or a password.', again };
  }
}
