import { describe, it } from 'mocha';
import { expectTold, type Told } from './refusal-words.js';

const LATER = { wait: {} } as const;
const GROUPS = { code: 'GROUP_UNKNOWN', message: 'The manager did not accept the groups.' } as const;
const NAME = {
  code: 'NAME_REFUSED',
  message: 'The manager did not accept web-01 as the name of an agent.',
  hint: "Choose another name with --name: 2 to 128 letters, digits, '.', '_' and '-'.",
} as const;
const ADDRESS = {
  code: 'IP_REFUSED',
  message: 'The manager did not accept the address 10.1.2.3 for this agent.',
} as const;
const NEWER = { code: 'VERSION_REFUSED', message: 'The agent is newer than the manager allows.' } as const;
const MISSES = { code: 'INTERNAL', message: 'The manager misses a part of the request.' } as const;
const INPUT = { code: 'REQUEST_REFUSED', message: 'The manager did not accept what was asked for.' } as const;
const WORKER = {
  code: 'MANAGER_NOT_READY',
  message: 'This worker cannot reach its master.',
  hint: "Enroll with the cluster's master, or try later.",
  again: LATER,
} as const;

const REFUSALS: readonly (readonly [status: number, code: number, said: string, wanted: Told])[] = [
  [
    503,
    -1,
    'Timeout',
    {
      code: 'ANSWER_LOST',
      message: 'The manager does not know itself what has come of the request: the agent may exist there now.',
      hint: 'Look for its name on the manager before you enroll again. A use of the token may be spent.',
    },
  ],
  [
    403,
    0,
    'Enrollment is disabled',
    {
      code: 'REQUEST_REFUSED',
      message: 'Enrollment is disabled on this manager.',
      hint: 'Enable it on the manager, in the <auth> of its ossec.conf, or enroll with another node. The token or password stays good.',
    },
  ],
  [400, 0, 'Missing protocol-version', MISSES],
  [400, 0, 'A required header is missing', MISSES],
  [400, 0, 'Agent version is newer', NEWER],
  [400, 9003, 'Invalid agent name', NAME],
  [400, 9004, 'Agent version is newer', NEWER],
  [400, 9005, 'Invalid group', GROUPS],
  [400, 9005, 'Invalid groups: a', GROUPS],
  [400, 9006, 'Invalid IP', ADDRESS],
  [400, 9006, 'Not an address', ADDRESS],
  [400, 9017, 'Agent version is newer', NEWER],
  [400, 9003, 'renamed, regrouped, and a zip', INPUT],
  [
    409,
    9007,
    'Duplicate',
    { code: 'IP_DUPLICATE', message: 'The manager has another agent with the address 10.1.2.3.' },
  ],
  [
    409,
    9008,
    'Duplicate',
    {
      code: 'NAME_DUPLICATE',
      message: 'The manager already has an agent called web-01.',
      hint: 'Choose another name with --name, or remove the old agent on the manager. A manager replaces an agent only once it has been registered for an hour, and never connected or been disconnected for one.',
    },
  ],
  [
    409,
    9012,
    'Duplicate id',
    {
      code: 'REQUEST_REFUSED',
      message: 'The manager gave the agent an id that it had given already.',
      hint: "Try again. If it stays like this, look into the manager's client.keys and its log (ossec.log).",
    },
  ],
  [403, 9013, 'Full', { code: 'AGENT_LIMIT', message: 'The manager has as many agents as it takes.' }],
  [400, 9014, 'No such', { code: 'GROUP_UNKNOWN', message: 'The manager does not have this group.' }],
  [503, 9015, 'No master', WORKER],
  [503, 9016, 'No master', WORKER],
  [
    401,
    9022,
    'Gone',
    {
      code: 'REQUEST_REFUSED',
      message:
        'The manager did not accept what the request was signed with, for a reason that this program does not know.',
      again: LATER,
    },
  ],
  [
    403,
    9022,
    'Gone',
    { code: 'TOKEN_REFUSED', message: 'The enrollment token was removed or revoked on the manager.' },
  ],
  [403, 9023, 'Old', { code: 'TOKEN_REFUSED', message: 'The enrollment token has expired.' }],
  [403, 9024, 'Used', { code: 'TOKEN_REFUSED', message: 'The enrollment token was used as often as it may be.' }],
  [
    409,
    9030,
    'Wait',
    {
      code: 'MANAGER_NOT_READY',
      message: 'The manager is giving this agent another key at this moment.',
      again: LATER,
    },
  ],
  [
    503,
    9031,
    'Wait',
    { code: 'MANAGER_NOT_READY', message: 'The manager cannot write down a new key yet.', again: LATER },
  ],
  [500, 0, 'Oops', { code: 'MANAGER_NOT_READY', message: 'The manager could not work on the request.', again: LATER }],
  [400, 9999, 'Odd', { code: 'REQUEST_REFUSED', message: 'The manager refused the request.' }],
];

describe('a refusal with a number of authd’s', () => {
  for (const [status, code, said, wanted] of REFUSALS) {
    it(`HTTP ${status}, ${code} (${said}) is ${wanted.code}`, () => expectTold(status, code, said, wanted));
  }
});
