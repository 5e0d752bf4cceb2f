import { expect } from 'chai';
import { type ErrorCode, MEANINGS } from '../../../src/errors.js';
import { refused } from '../../../src/obtain/https/refusal.js';
import type { Again, RefusalContext } from '../../../src/obtain/https/refusal-meaning.js';
import { quote } from '../../../src/obtain/quote.js';
import { answerOf } from '../../wazuh5.js';

/** What a user is told of a refusal. No hint: that of the code. */
export interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  /** Absent: not at all. */
  readonly again?: Again;
}

const CONTEXT: RefusalContext = {
  name: 'web-01',
  ip: '10.1.2.3',
  where: 'manager:1517',
  path: '/wazuh-manager/enroll',
  quote: (said) => quote(said, []),
};

/** The headers of a remoted. */
export const REMOTED = { server: 'wazuh-manager-remoted' };

/** What is told of an answer; `said` is the whole body where it is no JSON. */
export function told(
  answer: { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> },
  credential?: RefusalContext['credential'],
): Told {
  const context = credential === undefined ? CONTEXT : { ...CONTEXT, credential };
  const { error, again } = refused(answerOf({ headers: REMOTED, ...answer }), context);
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === MEANINGS[error.code].hint ? {} : { hint: error.hint }),
    ...(Object.keys(again).length === 0 ? {} : { again }),
  };
}

/** A refusal in the form of the enrollment. */
export const refusalBody = (code: string | number, message: string) => JSON.stringify({ error: { code, message } });

/** Expects that a refusal is told so. */
export function expectTold(
  status: number,
  code: string | number,
  said: string,
  wanted: Told,
  credential?: RefusalContext['credential'],
): void {
  const message = `${wanted.message} It said: "${said}" (HTTP ${status}, ${code}).`;
  expect(told({ status, body: refusalBody(code, said) }, credential)).to.deep.equal({ ...wanted, message });
}
