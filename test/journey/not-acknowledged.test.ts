import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EnrollError } from '../../src/errors.js';
import { notAcknowledged } from '../../src/journey/not-acknowledged.js';

describe('an error once a key lies in its place, in words', () => {
  it('says that the deadline passed before anybody acknowledged it', () => {
    const cause = new EnrollError('DEADLINE_PASSED', 'Late.');
    expect(notAcknowledged(cause)).to.include({
      code: 'LINK_SILENT',
      message: 'The key is installed, but the manager did not acknowledge it before the deadline of the run.',
      hint: 'Run agent-enroll check, or give the run more time with --deadline.',
      cause,
    });
  });
  it('says that nobody was reached, and what to do then', () => {
    const cause = new EnrollError('PROXY_REFUSED', 'The proxy refused.', { hint: 'Allow it.' });
    expect(notAcknowledged(cause)).to.include({
      code: 'LINK_SILENT',
      message: 'The key is installed, but the manager did not acknowledge it. The proxy refused.',
      hint: 'Allow it. Then run agent-enroll check.',
      cause,
    });
  });
});
