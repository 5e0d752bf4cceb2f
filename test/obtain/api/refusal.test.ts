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
const TABLE: readonly (readonly [number, number, ErrorCode, RegExp, RegExp])[] = [
  [1705, 400, 'NAME_DUPLICATE', /already has an agent called web-01/, /--name/],
  [1705, 200, 'NAME_DUPLICATE', /already has an agent called web-01/, /--name/],
  [9008, 200, 'NAME_DUPLICATE', /already has an agent called web-01/, /--name/],
  [1706, 400, 'IP_DUPLICATE', /another agent with the address 10\.0\.0\.9/, /--ip any/],
  [1706, 200, 'IP_DUPLICATE', /another agent with the address 10\.0\.0\.9/, /--ip any/],
  [9007, 200, 'IP_DUPLICATE', /another agent with the address 10\.0\.0\.9/, /--ip any/],
  [1708, 400, 'MANAGER_FAULT', /an id that it had given already/, /client\.keys/],
  [1708, 200, 'MANAGER_FAULT', /an id that it had given already/, /client\.keys/],
  [9012, 200, 'MANAGER_FAULT', /an id that it had given already/, /client\.keys/],
  [601, 400, 'NAME_REFUSED', /did not accept web-01/, /--name/],
  [1738, 400, 'NAME_REFUSED', /web-01 is too long/, /2 to 128/],
  [1738, 200, 'NAME_REFUSED', /web-01 is too long/, /2 to 128/],
  [606, 400, 'IP_REFUSED', /did not accept the address 10\.0\.0\.9/, /--ip any/],
  [800, 400, 'IP_REFUSED', /behind a proxy/, /--ip any/],
  [1710, 404, 'GROUP_UNKNOWN', /does not have this group/, /--groups/],
  [1726, 400, 'MANAGER_FAULT', /authd does not run/, /Start authd/],
  [1726, 200, 'MANAGER_FAULT', /authd does not run/, /Start authd/],
  [1701, 200, 'REQUEST_REFUSED', /does not know the agent/, /log/],
  [1703, 200, 'REQUEST_REFUSED', /does not know the agent/, /log/],
  [4000, 403, 'API_PERMISSION_DENIED', /may not add agents/, /agent:create on \*:\*:\*/],
  [603, 404, 'NOT_API', /no call to add an agent/, /--api-url/],
  [604, 400, 'REQUEST_REFUSED', /did not understand/, /api\.log/],
  [607, 400, 'REQUEST_REFUSED', /did not understand/, /api\.log/],
  [6002, 406, 'REQUEST_REFUSED', /did not understand/, /api\.log/],
];

describe('every code of the API has its cause and advice', () => {
  for (const [code, status, expected, cause, advice] of TABLE) {
    it(`${code} (HTTP ${status}): ${expected}`, () => {
      const error = told(code, status, "The manager's own words");
      expect(error.code).to.equal(expected);
      expect(error.message).to.match(cause).and.include("The manager's own words").and.include(`error ${code}`);
      expect(error.hint).to.match(advice);
      expect(error.managerSaid).to.equal("The manager's own words");
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
});
