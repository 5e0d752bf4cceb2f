import { expect } from 'chai';
import { describe, it } from 'mocha';
import { trustOfToken } from '../../../src/obtain/https/anchor.js';
import { certificates } from '../../net/certificates.js';
import { failure } from '../../net/expect-error.js';

describe('what a token trusts', () => {
  it('is its pin alone, or its CA alone', () => {
    const ca = certificates().ca.certificate;
    expect(trustOfToken({ anchor: { kind: 'pin', pin: 'ab' } })).to.deep.equal({ kind: 'ca pin', pin: 'ab' });
    expect(trustOfToken({ anchor: { kind: 'ca', ca } })).to.deep.equal({
      kind: 'settings',
      settings: { ca, insecure: false },
    });
  });

  it('is no CA that is none, which is told without the words for a file', async () => {
    const error = await failure('SETTING_INVALID', () => trustOfToken({ anchor: { kind: 'ca', ca: 'x' } }));
    expect([error.message, error.hint, error.cause]).to.deep.equal([
      'The CA that the enrollment token holds is not a PEM certificate.',
      'Make another token on the manager, once its CA is right there.',
      undefined,
    ]);
  });
});
