import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type ErrorCode, EXIT, MEANINGS } from '../../../src/errors.js';
import { readAnswer } from '../../../src/obtain/api/answer.js';
import { refusal } from '../../../src/obtain/api/refusal.js';

const context = { name: 'web-01', ip: '10.0.0.9', where: 'manager:55000', quote: (said: string) => said };

/** A refusal as the API with this code writes it: 3.x into HTTP 200, 4.x as a problem. */
function told(code: number, status: number, said: string) {
  const body = status === 200 ? { error: code, message: said } : { title: 'Refused', detail: said, error: code };
  const answer = readAnswer(status, body);
  if (answer.kind !== 'refused') throw new Error('It is no refusal.');
  return refusal(answer, context);
}

// What the calls that add an agent are refused with. 1000, 1013, 1014, 1017, 3021, 6000 and 6001 are waited for or
// looked up, 1751 and 1753 come with groups: see the tests of the source.
const NAME_HINT = "Choose another name with --name: 2 to 128 letters, digits, '.', '_' and '-'.";
const SENT_HINT = 'Something between this host and the API may change what is sent. Look into api.log on the manager.';

/** No hint: that of the code. */
type Wanted = readonly [code: ErrorCode, message: string, hint?: string];

const DUPLICATE: Wanted = ['NAME_DUPLICATE', 'The manager already has an agent called web-01.'];
const ADDRESS: Wanted = ['IP_DUPLICATE', 'The manager has another agent with the address 10.0.0.9.'];
const SAME_ID: Wanted = [
  'MANAGER_FAULT',
  'The manager gave the agent an id that it had given already.',
  "Try again. If it stays like this, look into the manager's client.keys and its log (ossec.log).",
];
const LONG_NAME: Wanted = ['NAME_REFUSED', 'The name web-01 is too long for the manager.', NAME_HINT];
const NO_AUTHD: Wanted = [
  'MANAGER_FAULT',
  'The API cannot add agents, because authd does not run on the manager.',
  'Start authd on the manager (<auth><disabled>no</disabled></auth> in its ossec.conf), and look into its log if it does not stay up.',
];
const NO_AGENT: Wanted = ['REQUEST_REFUSED', 'The manager does not know the agent (any more).'];
const NOT_UNDERSTOOD: Wanted = ['REQUEST_REFUSED', 'The API did not understand the request.', SENT_HINT];

const TABLE: readonly (readonly [code: number, status: number, wanted: Wanted])[] = [
  [1705, 400, DUPLICATE],
  [1705, 200, DUPLICATE],
  [9008, 200, DUPLICATE],
  [1706, 400, ADDRESS],
  [1706, 200, ADDRESS],
  [9007, 200, ADDRESS],
  [1708, 400, SAME_ID],
  [1708, 200, SAME_ID],
  [9012, 200, SAME_ID],
  [601, 400, ['NAME_REFUSED', 'The manager did not accept web-01 as the name of an agent.', NAME_HINT]],
  [1738, 400, LONG_NAME],
  [1738, 200, LONG_NAME],
  [606, 400, ['IP_REFUSED', 'The manager did not accept the address 10.0.0.9.']],
  [
    800,
    400,
    [
      'IP_REFUSED',
      'The API is behind a proxy that does not tell it the address of this host.',
      'Use --ip any, or give the address with --ip ADDRESS.',
    ],
  ],
  [1710, 404, ['GROUP_UNKNOWN', 'The manager does not have this group.']],
  [1726, 400, NO_AUTHD],
  [1726, 200, NO_AUTHD],
  [1701, 200, NO_AGENT],
  [1703, 200, NO_AGENT],
  [4000, 403, ['API_PERMISSION_DENIED', 'The API user may not add agents.']],
  [603, 404, ['NOT_API', 'manager:55000 has no call to add an agent.']],
  [604, 400, NOT_UNDERSTOOD],
  [607, 400, NOT_UNDERSTOOD],
  [6002, 406, NOT_UNDERSTOOD],
];

describe('every code of the API has its cause and advice', () => {
  for (const [code, status, [expected, message, hint = MEANINGS[expected].hint]] of TABLE) {
    it(`${code} (HTTP ${status}): ${expected}`, () => {
      const error = told(code, status, "The manager's own words");
      expect(error).to.include({
        code: expected,
        message: `${message} It said: "The manager's own words" (error ${code}).`,
        hint,
        managerSaid: "The manager's own words",
      });
      expect(MEANINGS[error.code].exit).to.be.oneOf([EXIT.refused, EXIT.unreachable]);
    });
  }

  it('one that nobody has seen is shown whole', () => {
    for (const status of [200, 400, 403, 409]) {
      const error = told(7777, status, 'Never seen before. Do something');
      expect(error.code).to.equal('REQUEST_REFUSED');
      expect(error.message).to.include('"Never seen before. Do something" (error 7777)');
    }
  });

  it('of an address that was left out names no address', () => {
    for (const [code, message] of [
      [1706, 'The manager has another agent with the address of this host (error 1706).'],
      [606, 'The manager did not accept the address of this host (error 606).'],
    ] as const) {
      const error = refusal({ status: 400, code, said: '' }, { ...context, ip: undefined });
      expect(error).to.include({ message, managerSaid: undefined });
    }
  });
});

describe('a refusal without a code', () => {
  const refused = (status: number, said: string) => refusal({ status, said }, context);
  const log = 'Look into api.log and ossec.log on the manager for the reason.';

  for (const [status, said, code, message, hint] of [
    [400, "'x' is not a 'ip' - 'ip'", 'IP_REFUSED', 'The API did not accept the address 10.0.0.9.', undefined],
    [400, "'x' - 'name'", 'NAME_REFUSED', 'The API did not accept web-01 as the name of an agent.', NAME_HINT],
    [400, "'x' - 'force'", 'REQUEST_REFUSED', 'The API refused the request.', log],
    [403, "'x' - 'ip'", 'REQUEST_REFUSED', 'The API refused the request.', log],
    [404, 'Not Found', 'NOT_API', 'manager:55000 has no call to add an agent.', undefined],
    [405, 'Not Allowed', 'NOT_API', 'manager:55000 has no call to add an agent.', undefined],
  ] as const) {
    it(`HTTP ${status}, ${said}: ${code}`, () => {
      expect(refused(status, said)).to.include({
        code,
        message: `${message} It said: "${said}" (HTTP ${status}).`,
        hint: hint ?? MEANINGS[code].hint,
      });
    });
  }

  it('of an address that was left out names no address', () => {
    const error = refusal({ status: 400, said: "x - 'ip'" }, { ...context, ip: undefined });
    expect(error.message).to.equal(`The API did not accept the address of this host. It said: "x - 'ip'" (HTTP 400).`);
  });

  it('without a word is told by its status, dots and all', () => {
    expect(refused(405, '').message).to.equal('manager:55000 has no call to add an agent (HTTP 405).');
    const dotted = refusal({ status: 405, said: '' }, { ...context, where: '10.1.2.3:55000' });
    expect(dotted.message).to.equal('10.1.2.3:55000 has no call to add an agent (HTTP 405).');
  });
});
