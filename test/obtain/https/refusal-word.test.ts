import { describe, it } from 'mocha';
import type { RefusalContext } from '../../../src/obtain/https/refusal-meaning.js';
import { expectTold, type Told } from './refusal-words.js';

const SOON = { wait: { forMs: 5000 } } as const;
const CREATE = 'wazuh-manager-authd --create-enrollment-token --address NAME';

const WORDS: readonly (readonly [word: string, credential: RefusalContext['credential'], wanted: Told])[] = [
  [
    'invalid_request',
    undefined,
    {
      code: 'PASSWORD_REFUSED',
      message: 'The manager wants an enrollment token or a password, and none was given.',
      hint: `Give a token with --token-file (${CREATE}), or the manager's enrollment password (etc/authd.pass there) with --password-file. A token without a credential is not enough for this manager.`,
    },
  ],
  [
    'invalid_request',
    'token',
    { code: 'INTERNAL', message: 'The manager did not understand what the request was signed with.' },
  ],
  [
    'invalid_signature',
    'password',
    {
      code: 'PASSWORD_REFUSED',
      message: 'The manager did not accept the enrollment password.',
      again: { clock: true },
    },
  ],
  [
    'invalid_signature',
    'token',
    {
      code: 'TOKEN_REFUSED',
      message: 'The manager did not accept the credential of the enrollment token.',
      again: { clock: true },
    },
  ],
  [
    'invalid_signature',
    'reenroll',
    {
      code: 'REQUEST_REFUSED',
      message: 'The manager did not accept the re-enrollment secret of this agent. It was kept.',
      hint: 'It may be older than the one that the manager has. Enroll with a token or the password.',
      again: { clock: true },
    },
  ],
  [
    'invalid_signature',
    undefined,
    {
      code: 'PASSWORD_REFUSED',
      message: 'The manager wants an enrollment token or a password.',
      again: { clock: true },
    },
  ],
  [
    'stale_token',
    'token',
    {
      code: 'CLOCK_REFUSED',
      message: "The manager's clock and this host's are too far apart.",
      again: { clock: true, wait: { forMs: 60_000 } },
    },
  ],
  [
    'token_unknown',
    'token',
    {
      code: 'TOKEN_REFUSED',
      message: 'This manager does not know the enrollment token.',
      hint: `It may have been removed, or be that of another manager; a worker of a cluster needs some seconds to get it. ${CREATE} makes another one.`,
      again: { wait: { forMs: 60_000 } },
    },
  ],
  ['token_expired', 'token', { code: 'TOKEN_REFUSED', message: 'The enrollment token has expired.', again: SOON }],
  ['token_revoked', 'token', { code: 'TOKEN_REFUSED', message: 'The enrollment token was revoked.', again: SOON }],
  [
    'unknown_agent',
    'reenroll',
    {
      code: 'REENROLL_SECRET_REFUSED',
      message: 'The manager does not know the agent whose re-enrollment secret this host has.',
    },
  ],
  [
    'enrollment_key_unavailable',
    'password',
    {
      code: 'MANAGER_NOT_READY',
      message: 'The manager has not loaded its enrollment password.',
      hint: 'It may be starting. If it stays like this, check its etc/authd.pass, or enroll with a token.',
      again: { wait: {} },
    },
  ],
  [
    'something_new',
    'token',
    {
      code: 'REQUEST_REFUSED',
      message:
        'The manager did not accept what the request was signed with, for a reason that this program does not know.',
      again: { wait: {} },
    },
  ],
];

describe('a 401 with a word of remoted’s', () => {
  for (const [word, credential, wanted] of WORDS) {
    it(`${word}, after ${credential ?? 'nothing'}, is ${wanted.code}`, () =>
      expectTold(401, word, 'Invalid client authentication', wanted, credential));
  }
});
