import { expect } from 'chai';
import { EnrollError, type ErrorCode } from '../../src/errors.js';

/** The error that a call ends with, which must be an {@link EnrollError} of this code. */
export async function failure(code: ErrorCode, call: () => unknown): Promise<EnrollError> {
  let thrown: unknown;
  try {
    await call();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof EnrollError)) throw thrown ?? new Error(`no error, where ${code} was expected`);
  expect(thrown.code, thrown.message).to.equal(code);
  return thrown;
}
