import { expect } from 'chai';
import { describe, it } from 'mocha';
import { clockDifference } from '../../src/model/manager-clock.js';
import { wazuh5 } from '../wazuh5.js';

describe("the manager's clock", () => {
  for (const { local_unix: local, date_header: date, correct_clock: correct, sign_with_iat: iat } of wazuh5.clock) {
    it(`${date ?? 'not told'}, ${local} here: ${correct === 'yes' ? 'is taken' : 'is not taken'}`, () => {
      const difference = clockDifference(local * 1000 + 999, date ?? undefined);
      expect(difference !== 0).to.equal(correct === 'yes');
      expect(local + difference).to.equal(iat);
    });
  }

  it('is not told by what is no date', () => {
    for (const date of ['', 'yesterday', '2026-11-25T08:00:00Z', '0', 'Wed, 99 Foo 2026 08:00:00 GMT']) {
      expect(clockDifference(0, date), date).to.equal(0);
    }
  });
});
