/**
 * Limits of tests are meant for a machine with nothing else to do. Where others work too, all of them are longer by what
 * waits for each core: a test ends by its limit only where what it waits for does not come.
 */
import type { Context, Suite, Test } from 'mocha';
import { LOAD } from './load.js';

/** For mocha: before the first test of a file every suite and test of it has got its limit. */
export const mochaHooks = {
  beforeAll(this: Context) {
    const root = this.test?.parent;
    // A suite hands its limit down as it gets it: the outer ones come first.
    const limits = root === undefined ? [] : limited(root).map((one) => ({ one, limit: one.timeout() }));
    for (const { one, limit } of limits) one.timeout(limit * LOAD);
  },
};

function limited(suite: Suite): readonly (Suite | Test)[] {
  return [suite, ...suite.tests, ...suite.suites.flatMap(limited)];
}
