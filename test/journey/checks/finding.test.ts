import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../../src/errors.js';
import { CHECK_IDS, endOf, inOrder, right, untold, wrong } from '../../../src/journey/checks/finding.js';

describe('the findings of a check', () => {
  const error = new EnrollError('KEY_MISSING', 'none');
  const findings = [right('clock', 'c'), untold('key', 'k', error), wrong('key-access', 'a', 'do')];
  it('are looked at in the order in which one leads to the next', () => {
    expect(CHECK_IDS.join(' ')).to.equal(
      'key-file key-access machine ossec-conf manager-name route agent-port remoted address version counter key daemon agent-log enrollment api clock',
    );
  });
  it('are shown in that order, without what they end the run with', () => {
    expect(inOrder(findings)).to.deep.equal([
      { id: 'key-access', ok: false, detail: 'a', hint: 'do' },
      { id: 'key', ok: null, detail: 'k', hint: error.hint },
      { id: 'clock', ok: true, detail: 'c' },
    ]);
  });
  it('end the run with the first that does', () => {
    const later = new EnrollError('AGENT_NOT_CONNECTED', 'pending');
    expect(endOf([untold('daemon', 'd', later), ...findings])).to.equal(error);
    expect(endOf([wrong('enrollment', 'a', 'do')])).to.equal(undefined);
  });
});
